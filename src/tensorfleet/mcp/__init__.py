"""The platform as tools for agents (Model Context Protocol): a client of the API, with the rights of its key and no others."""
