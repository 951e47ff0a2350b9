#: Access.add_user
await client.access.add_user("lisa", "correct horse battery", role="user")
await client.access.add_user("ci", service=True)

#: Access.users
[user["name"] for user in await client.access.users()]

#: Access.user
(await client.access.user("lisa"))["workspaces"]

#: Access.change_user
await client.access.change_user("lisa", email="lisa@example.org")

#: Access.add_workspace
await client.access.add_workspace("lab", "What is not ready yet")

#: Access.workspaces
[workspace["name"] for workspace in await client.access.workspaces()]

#: Access.set_member
await client.access.set_member("lab", "ci", "service")

#: Access.set_quota
await client.access.set_quota("lab", slots=4, gpus=0)

#: Access.quota
(await client.access.quota("lab"))["used"]

#: Access.reset_quota
await client.access.reset_quota("lab")

#: Access.members
await client.access.members("lab")

#: Access.remove_member
await client.access.remove_member("lab", "ci")

#: Access.add_key
made = await client.access.add_key("nightly", user="ci", scopes=["jobs:write"])
made["key"]

#: Access.keys
keys = await client.access.keys("ci")

#: Access.revoke_key
await client.access.revoke_key(keys[0]["key_id"])

#: Access.link_user
await client.access.link_user("lisa", "company", "00u1a2b3c4")

#: Access.sign_in
await client.access.sign_in("lisa", "correct horse battery")

#: Access.sign_in_by_browser
import webbrowser

await client.access.sign_in_by_browser(webbrowser.open)

#: Access.open_page
await client.access.open_page(webbrowser.open)

#: Access.me
lisa = tensorfleet.AsyncClient(client.url)
(await lisa.access.me())["username"]

#: Access.change_password
await lisa.access.change_password("correct horse battery", "another horse battery")

#: Access.sign_out
await lisa.access.sign_out()
await lisa.close()

#: Access.delete_user
await client.access.delete_user("ci")

#: Access.erase_user
await client.access.erase_user("lisa")

#: Access.delete_workspace
await client.access.delete_workspace("lab")
