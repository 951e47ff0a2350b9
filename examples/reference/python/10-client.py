#: Client.url
client.url

#: Client.health
(await client.health())["status"]

#: Client.algorithms
[one["name"] for one in await client.algorithms()]

#: Client.plan
answer = await client.plan("wine.yaml", resources={"workers": 2})
answer["starts_now"], answer["reason"]

#: Client.submit, Job.wait
job = await client.submit("wine.yaml", seed=3)
await job.wait(timeout=60)

#: Client.send
from tensorfleet.sdk.submission import Submission

submission = Submission.of("wine.yaml", {"name": "wine-deep"})
submission.set("hyperparameters.max_depth", 9)
deep = await client.send(submission)
await deep.wait()

#: Client.tune
study = await client.tune("study.yaml")
await study.wait()

#: Client.sla
levels = await client.sla()

#: Client.settings
(await client.settings())["features"]

#: Client.events
async for event in client.events(after=1, detail=[]):
    print(event.job_id, event.kind)
    break
