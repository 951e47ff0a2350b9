#: users add
tensorfleet users add lisa --role user --password-stdin < password.txt
tensorfleet users add ci --service

#: users list
tensorfleet users list

#: users show
tensorfleet users show lisa

#: users change
tensorfleet users change lisa --email lisa@example.org

#: workspaces add
tensorfleet workspaces add lab --description "What is not ready yet"

#: workspaces join
tensorfleet workspaces join lab ci --role service
tensorfleet workspaces join lab lisa

#: workspaces show
tensorfleet workspaces show lab

#: workspaces quota
tensorfleet workspaces quota lab --set slots=4 --set gpus=0

#: workspaces list
tensorfleet workspaces list

#: workspaces leave
tensorfleet workspaces leave lab ci

#: keys add
tensorfleet keys add nightly --user ci --days 90

#: keys list
tensorfleet keys list --user ci

#: keys revoke
key=$(tensorfleet keys list --user ci | awk 'NR == 2 {print $1}')
tensorfleet keys revoke "$key"

#: workspaces remove
tensorfleet workspaces remove lab

#: login
tensorfleet login --user lisa --password-stdin < password.txt

#: open
tensorfleet open --print

#: whoami
tensorfleet whoami

#: passwd -- types: correct horse battery | another horse battery | another horse battery
tensorfleet passwd

#: logout
tensorfleet logout

#: users link
tensorfleet users link lisa --provider company --subject 00u1a2b3c4

#: users remove
tensorfleet users remove lisa

#: users erase
tensorfleet users erase lisa --yes
