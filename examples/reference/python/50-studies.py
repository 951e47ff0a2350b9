#: Studies.list
[item["name"] for item in await client.studies.list(status="completed")]

#: Studies.find
study = await client.studies.find("forest-size")

#: Studies.get
study = await client.studies.get(study.id)

#: Study.wait
await study.wait(timeout=60)

#: Study.summary
(await study.summary())["counts"]

#: Study.best
(await study.best)["params"]

#: Study.trials
for trial in await study.trials():
    print(trial["number"], trial["state"], trial["value"])

#: Study.history
[point["best"] for point in await study.history()]

#: Study.importance
for one in await study.importance():
    print(one["name"], one["importance"])

#: Study.parallel
axes = (await study.parallel())["axes"]

#: Study.retry
await study.retry(trials=1)
await study.wait()

#: Study.lineage
family = await client.tune("population.yaml")
await family.wait()
for trial in await family.lineage():
    print(trial["generation"], trial["member"], trial["copied"])
