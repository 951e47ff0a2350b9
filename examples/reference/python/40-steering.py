#: Job.pause
digits = await client.submit("digits.yaml")
await digits.pause()

#: Job.resume -- soon
await digits.resume()

#: Job.cancel
await digits.cancel()

#: Job.retry
try:
    await digits.wait()
except tensorfleet.JobFailed as failed:
    print(failed)
    await digits.retry()

#: Jobs.cancel
became = await client.jobs.cancel(name="digits")
