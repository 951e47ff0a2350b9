#: Jobs.list
for found in await client.jobs.list(status="completed", limit=10):
    print(found.id, found.name)

#: Jobs.counts
counts = await client.jobs.counts(search="wine")
assert counts["completed"] >= len(
    await client.jobs.list(search="WINE", status=["completed", "failed"], limit=1)
)

#: Jobs.find
job = await client.jobs.find("wine")

#: Jobs.get
job = await client.jobs.get(job.id)

#: Jobs.metrics
courses = await client.jobs.metrics([job.id], ["accuracy"], points=100)
[point.value for point in courses[job.id]["accuracy"]]

#: Job.id, Job.name, Job.status, Job.reason, Job.ended
print(job.id, job.name)
if job.ended and job.status != "completed":
    print(job.reason)

#: Job.refresh
(await job.refresh()).status

#: Job.stream
async for event in job.stream():
    if event.kind == "metrics":
        print(event.data["points"])

#: Job.watch
async for event in job.watch(quiet_s=5):
    if event is None:
        print("nothing new")

#: Job.model
model = await job.model

#: Job.logs
async for line in job.logs(tail=20):
    print(line.rank, line.text)

#: Job.events
kinds = [event.kind async for event in job.events()]

#: Job.metrics
course = (await job.metrics(points=300, names=["accuracy"]))["accuracy"]
course[-1].step, course[-1].value

#: Job.metric_summaries
(await job.metric_summaries())["accuracy"].max

#: Job.evaluation
(await job.evaluation())["metrics"]

#: Job.plots
names = await job.plots()

#: Job.plot
svg = await job.plot("confusion")

#: Job.save_plot
await job.save_plot("confusion", "pictures/confusion.svg")

#: Job.why
(await job.why())["reason"]

#: Job.ledger
(await job.ledger())["total"]

#: Job.waterfall
(await job.waterfall())["attempts"]

#: Job.provenance
(await job.provenance())["digest"]

#: Job.replay
again = await job.replay()
await again.wait()

#: Job.diff
difference = await job.diff(again)
difference["bit_equal"]

#: Job.profile
slow = await client.submit("slow.yaml")
await slow.wait()
print((await slow.profile())["sentence"])

#: Job.download_trace
await slow.download_trace("trace.json.gz", rank=0)

#: Job.leaderboard
best = await client.submit("best.yaml")
await best.wait()
for row in await best.leaderboard():
    print(row["family"], row["score"])

#: Job.files
own = await client.submit("own.yaml")
await own.wait()
[file["path"] for file in await own.files()]

#: Job.download
await own.download("results", ["report.txt"])

#: Job.git_diff
changed = await own.git_diff()

#: Job.checkpoints
steps = [checkpoint["step"] for checkpoint in await own.checkpoints()]

#: Job.fork
further = await own.fork(step=2, hyperparameters={"epochs": 4})
await further.wait()
