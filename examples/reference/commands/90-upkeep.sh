#: audit list
tensorfleet audit list --action jobs --limit 10

#: audit verify
tensorfleet audit verify

#: audit export
tensorfleet audit export --actor lisa -o lisa.jsonl

#: notify test
tensorfleet notify test team

#: trust invite
tensorfleet trust invite --role agent --name gpu-1 --valid-for 15m

#: trust join
$(tensorfleet trust invite --role client --name laptop) --home laptop-home

#: trust list
tensorfleet trust list

#: trust secrets
tensorfleet trust secrets

#: trust ca
tensorfleet trust ca > ca.pem

#: trust rotate
tensorfleet trust rotate

#: trust revoke
tensorfleet trust revoke laptop

#: backup
tensorfleet backup monday.tar.zst

#: restore
tensorfleet restore monday.tar.zst --home restored

#: down
tensorfleet down
