#: Models.list
[item["name"] for item in await client.models.list()]

#: Models.versions
versions = await client.models.versions("wine")

#: Models.promote
await client.models.promote("wine", versions[0].version, "production")

#: Models.get
model = await client.models.get("wine", "production")

#: Models.lineage
[(edge["from"], edge["kind"], edge["to"]) for edge in (await client.models.lineage("wine"))["edges"]]

#: Datasets.lineage
[node["name"] for node in (await client.datasets.lineage("wine"))["nodes"] if node["kind"] == "job"]

#: Model.name, Model.version
print(model.name, model.version)

#: Model.files, Model.formats
[file["path"] for file in model.files], model.formats

#: Model.card
print(await model.card())

#: Model.download
await model.download("wine-model")

#: Model.local_folder
folder = await model.local_folder()

#: Model.predict
import polars

wine = polars.read_csv(await client.datasets.download("wine", to="wine.csv"))
predicted = await model.predict(wine.head(3))

#: Models.unalias
await client.models.unalias("wine", "production")
