#: workers list
tensorfleet workers list

#: workers show
tensorfleet workers show "$(hostname)"

#: workers check
tensorfleet workers check "$(hostname)"

#: workers drain
tensorfleet workers drain "$(hostname)"
tensorfleet workers drain "$(hostname)" --undo

#: workers quarantine
tensorfleet workers quarantine "$(hostname)" --reason "the fan is loud"

#: workers release -- soon
tensorfleet workers release "$(hostname)"

#: workers scale
tensorfleet workers scale 2

#: workers usage -- soon
tensorfleet workers usage
tensorfleet workers usage "$(hostname)" --hours 1

#: workers scaling
tensorfleet workers scaling

#: workers target
tensorfleet workers target 2
tensorfleet workers target auto

#: ledger
tensorfleet ledger --by algorithm

#: sla
tensorfleet sla

#: settings
tensorfleet settings
