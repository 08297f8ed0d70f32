# SPDX-License-Identifier: Apache-2.0
"""The rooms of doc/tour.md: includes point down its list only."""
import re

from kit import SOURCE

ROOMS = re.findall(r"^\| `src/([a-z]+)/`", (SOURCE / "doc" / "tour.md").read_text(), re.M)


def test_every_room_is_on_the_list():
    assert sorted(ROOMS) == sorted(p.name for p in (SOURCE / "src").iterdir() if p.is_dir())


def test_includes_point_down_the_list():
    up = [f"{path.relative_to(SOURCE)} includes {room}/" for path in sorted(SOURCE.glob("src/*/*.[ch]"))
          for room in re.findall(r'^#include "([a-z]+)/', path.read_text(), re.M)
          if room in ROOMS and ROOMS.index(room) < ROOMS.index(path.parent.name)]
    assert up == []
