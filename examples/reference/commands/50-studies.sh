#: tune
tensorfleet tune study.yaml --follow

#: studies list
tensorfleet studies list

#: studies show
tensorfleet studies show forest-size

#: studies retry
tensorfleet studies retry forest-size --trials 50

#: studies pause
tensorfleet studies pause forest-size

#: studies resume -- soon
tensorfleet studies resume forest-size

#: studies cancel
tensorfleet studies cancel forest-size

#: studies lineage
tensorfleet tune population.yaml --follow
tensorfleet studies lineage family
