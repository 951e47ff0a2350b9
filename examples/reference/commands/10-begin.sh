#: doctor
tensorfleet doctor

#: up
tensorfleet up --detach --workers 4

#: status
tensorfleet status

#: algorithms
tensorfleet algorithms
tensorfleet algorithms random_forest

#: demo
tensorfleet demo

#: chaos
tensorfleet chaos --jobs 5 --agents sim:2
