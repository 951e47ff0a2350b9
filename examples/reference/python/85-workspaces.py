#: Secrets.set
await client.secrets.set("hf-token", "hf_0123456789")

#: Secrets.list
[secret["name"] for secret in await client.secrets.list()]

#: Secrets.rotate
await client.secrets.rotate()

#: Secrets.delete
await client.secrets.delete("hf-token")

#: Webhooks.add
webhook = await client.webhooks.add("https://chat.example.org/hook", ["job.completed", "job.failed"])
webhook["secret"]

#: Webhooks.list
[one["url"] for one in await client.webhooks.list()]

#: Webhooks.get
webhook = await client.webhooks.get(webhook["webhook_id"])

#: Webhooks.test
(await client.webhooks.test(webhook["webhook_id"]))["delivered"]

#: Webhooks.deliveries
await (await client.submit("wine.yaml")).wait()
deliveries = await client.webhooks.deliveries(webhook["webhook_id"], limit=10)

#: Webhooks.resend -- soon
latest = (await client.webhooks.deliveries(webhook["webhook_id"], state="delivered"))[0]
await client.webhooks.resend(webhook["webhook_id"], latest["delivery_id"])

#: Webhooks.change
await client.webhooks.change(webhook["webhook_id"], events=["job.failed"])

#: Webhooks.rotate
(await client.webhooks.rotate(webhook["webhook_id"], overlap_s=3600))["secret"]

#: Webhooks.delete
await client.webhooks.delete(webhook["webhook_id"])

#: Retention.plan
await client.retention.plan()

#: Retention.sweep
await client.retention.sweep()
