#: plan
tensorfleet plan wine.yaml --set resources.workers=2

#: submit
tensorfleet submit wine.yaml --follow
tensorfleet submit wine.yaml --set name=wine-deep --set hyperparameters.max_depth=9 --follow

#: jobs list
tensorfleet jobs list --status completed
tensorfleet jobs list --search wine --status queued --status running

#: jobs show
tensorfleet jobs show wine

#: jobs logs
tensorfleet jobs logs wine --tail 20

#: jobs events
tensorfleet jobs events wine

#: jobs metrics
tensorfleet jobs metrics wine --name accuracy

#: jobs evaluation
tensorfleet jobs evaluation wine

#: jobs plots
tensorfleet jobs plots wine
tensorfleet jobs plots wine --save pictures

#: jobs why
tensorfleet jobs why wine

#: jobs waterfall
tensorfleet jobs waterfall wine

#: jobs provenance
tensorfleet jobs provenance wine

#: jobs replay
tensorfleet jobs replay wine

#: jobs diff
tensorfleet jobs diff wine wine-deep

#: jobs profile
tensorfleet submit slow.yaml --follow
tensorfleet jobs profile slow --save trace.json.gz

#: jobs leaderboard
tensorfleet submit best.yaml --follow
tensorfleet jobs leaderboard best --limit 5

#: jobs files
tensorfleet submit own.yaml --follow
tensorfleet jobs files own
tensorfleet jobs files own report.txt --save results

#: jobs checkpoints
tensorfleet jobs checkpoints own

#: jobs fork
tensorfleet jobs fork own --step 2 --set hyperparameters.epochs=4 --follow
