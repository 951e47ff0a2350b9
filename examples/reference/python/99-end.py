#: Client.close
await client.close()
