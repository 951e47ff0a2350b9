#: datasets add
tensorfleet datasets add homes.csv --target price

#: datasets list
tensorfleet datasets list

#: datasets show
tensorfleet datasets show homes
tensorfleet datasets show homes@1 --json
tensorfleet datasets show homes --rows 5 --offset 10

#: datasets download
tensorfleet datasets download homes@1 --to copy.csv
