#: Workers.list
for worker in await client.workers.list():
    print(worker["name"], worker["state"], worker["busy"], worker["slots"])

#: Workers.find
worker = await client.workers.find(worker["name"])

#: Workers.get
worker = await client.workers.get(worker["worker_id"])

#: Workers.check
await client.workers.check(worker["worker_id"])

#: Workers.drain
await client.workers.drain(worker["worker_id"])
await client.workers.drain(worker["worker_id"], undo=True)

#: Workers.quarantine
await client.workers.quarantine(worker["worker_id"], "the fan is loud")

#: Workers.release -- soon
await client.workers.release(worker["worker_id"])

#: Workers.scale
await client.workers.scale(4)

#: Workers.usage -- soon
(await client.workers.usage(hours=1))["points"][-1]["busy"]
(await client.workers.usage(worker["worker_id"], hours=1))["points"][-1]["cpu_percent"]

#: Workers.scaling
(await client.workers.scaling())["decisions"]

#: Workers.target
await client.workers.target(2)
await client.workers.target(None)

#: Ledger.read
spent = await client.ledger.read(by="algorithm")
spent["total"]

#: Ledger.budgets
await client.ledger.budgets()

#: Audit.list
async for entry in client.audit.list(action="jobs", limit=10):
    print(entry["actor_name"], entry["action"], entry["target"])

#: Audit.export
entries = [entry async for entry in client.audit.export(action="workers")]

#: Audit.verify
(await client.audit.verify())["ok"]
