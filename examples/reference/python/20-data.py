#: Datasets.add
version = await client.datasets.add("homes.csv", target="price")
version["name"], version["version"], version["rows"]

#: Datasets.list
[item["name"] for item in await client.datasets.list()]

#: Datasets.get
await client.datasets.get("homes")

#: Datasets.versions
newest = (await client.datasets.versions("homes"))[0]

#: Datasets.version
[column["name"] for column in (await client.datasets.version("homes", 1))["columns"]]

#: Datasets.rows
first = await client.datasets.rows("homes", limit=5)
[dict(zip(first["columns"], row, strict=True)) for row in first["rows"]]

#: Datasets.download
path = await client.datasets.download("homes", to="copy.csv")

#: Datasets.delete
await client.datasets.add("homes.csv", "scratch")
await client.datasets.delete("scratch")
