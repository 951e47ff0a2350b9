#: jobs pause
tensorfleet submit digits.yaml
tensorfleet jobs pause digits

#: jobs resume -- soon
tensorfleet jobs resume digits

#: jobs cancel
tensorfleet jobs cancel digits

#: jobs retry -- soon
tensorfleet jobs retry digits

#: jobs cancel-all
tensorfleet jobs cancel-all --name digits
