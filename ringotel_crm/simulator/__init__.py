"""A Ringotel server on the desk.

It knows a CRM by its JSON document alone, as Ringotel does, and plays set-up, sync and calls against any URL
over real HTTP. Nothing here imports another room of the house::

    document = read_document(json.load(file), base_url="http://127.0.0.1:8000")
    player = Player(Client(document, credential_for(document, properties), properties))
    world = player.set_up()
    player.play(CallMaker(world, seed=1).calls(20))
    print(player.report().text())
"""

from __future__ import annotations
