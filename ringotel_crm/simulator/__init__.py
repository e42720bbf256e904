"""A simulated Ringotel server.

It reads a CRM's JSON document, as Ringotel does, and simulates setup, synchronization and calls
over HTTP
against any URL. It imports no other package of this app::

    document = read_document(json.load(file), base_url="http://127.0.0.1:8000")
    player = Player(Client(document, credential_for(document, properties), properties))
    data = player.set_up()
    player.play(CallMaker(data, seed=1).calls(20))
    print(player.report().text())
"""

from __future__ import annotations
