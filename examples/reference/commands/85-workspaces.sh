#: secrets set
tensorfleet secrets set warehouse < password.txt
tensorfleet secrets set hf-token --file password.txt

#: secrets list
tensorfleet secrets list

#: secrets rotate
tensorfleet secrets rotate

#: secrets delete
tensorfleet secrets delete warehouse

#: webhooks add
tensorfleet webhooks add https://chat.example.org/hook --on job.completed --on job.failed

#: webhooks list
tensorfleet webhooks list

#: webhooks show
webhook=$(tensorfleet webhooks list | awk 'NR == 2 {print $1}')
tensorfleet webhooks show "$webhook"

#: webhooks test
webhook=$(tensorfleet webhooks list | awk 'NR == 2 {print $1}')
tensorfleet webhooks test "$webhook"

#: webhooks deliveries
tensorfleet submit wine.yaml --follow
webhook=$(tensorfleet webhooks list | awk 'NR == 2 {print $1}')
tensorfleet webhooks deliveries "$webhook" --limit 10

#: webhooks resend -- soon
webhook=$(tensorfleet webhooks list | awk 'NR == 2 {print $1}')
delivery=$(tensorfleet webhooks deliveries "$webhook" | awk 'NR == 2 {print $1}')
tensorfleet webhooks resend "$webhook" "$delivery"

#: webhooks change
webhook=$(tensorfleet webhooks list | awk 'NR == 2 {print $1}')
tensorfleet webhooks change "$webhook" --on job.failed

#: webhooks rotate
webhook=$(tensorfleet webhooks list | awk 'NR == 2 {print $1}')
tensorfleet webhooks rotate "$webhook" --overlap 3600

#: webhooks delete
webhook=$(tensorfleet webhooks list | awk 'NR == 2 {print $1}')
tensorfleet webhooks delete "$webhook"

#: retention plan
tensorfleet retention plan

#: retention sweep
tensorfleet retention sweep --yes

#: mcp
tensorfleet mcp --read-only
