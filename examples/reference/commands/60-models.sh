#: models list
tensorfleet models list

#: models show
tensorfleet models show wine

#: models promote
tensorfleet models promote wine 1
tensorfleet models promote wine 2 --alias candidate

#: models lineage
tensorfleet models lineage wine
tensorfleet models lineage wine@production

#: datasets lineage
tensorfleet datasets lineage wine

#: models card
tensorfleet models card wine@production

#: models download
tensorfleet models download wine@candidate --to wine-model
