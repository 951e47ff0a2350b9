"""Who may speak to whom between machines: an authority in the home, certificates by role, and TLS that both sides prove.

`authority` and `ledger` keep what is given and taken back; `endpoint` serves it to other machines, `client` asks there;
`identity` is what one process holds, `renewing` keeps it fresh, `channels` puts it under gRPC.
"""
