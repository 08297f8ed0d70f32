# SPDX-License-Identifier: Apache-2.0
"""The rooms of doc/tour.md: includes point down its list only; and what no file of ours may hold."""
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


def sources(*but):
    return [path for path in sorted(SOURCE.glob("src/*/*.c")) if path.parent.name not in but]


def test_statements_stand_in_sql():
    """Statements have names; nothing but the store's own room could run a text, and what it runs comes from sql/."""
    words = re.compile(r'"[^"\n]*\b(SELECT\s.*\sFROM|INSERT\s+INTO|DELETE\s+FROM|UPDATE\s+\w+\s+SET)\b', re.I)
    runs = re.compile(r"\b(store_script|PQexec\w*|sqlite3_(exec|prepare\w*)|lib(pq|sqlite)\.\w+)\s*\(")
    found = [f"{path.relative_to(SOURCE)}: {m[0]}" for path in sources("store") for m in [*words.finditer(path.read_text()), *runs.finditer(path.read_text())]]
    assert found == []
    texts = re.findall(r"store_script\(s, ([^)]*)\)?", "".join(path.read_text() for path in SOURCE.glob("src/store/*.c")))
    assert sorted(set(texts)) == ['"COMMIT"', "s->engine->begin", "statement_script(s->engine->dialect, version"]


def test_secrets_are_compared_in_constant_time():
    compares = re.compile(r"\b(text_eq|text_is|text_eq_nocase|strcmp|memcmp)\([^;]*\b(master_key|people->secret|p->secret|salt_key|SLUICE_SECRET)\b")
    found = [f"{path.relative_to(SOURCE)}: {m[0]}" for path in sources() for m in compares.finditer(path.read_text())]
    assert found == []
    assert "text_eq_secret(key, s->master_key)" in (SOURCE / "src" / "access" / "find.c").read_text()


def test_what_is_in_force_stands_in_the_manual():
    """Each key of LiteLLM's that the table calls in force."""
    rows = re.findall(r'\{ "(\w+)", FORCE \}', (SOURCE / "src" / "config" / "litellm.c").read_text())
    page = (SOURCE / "doc" / "configuration.md").read_text()
    assert len(rows) > 150 and sorted({key for key in rows if not re.search(rf"\b{key}\b", page)}) == []


def test_all_pages_are_installed():
    makefile = (SOURCE / "Makefile.am").read_text()
    assert [path.name for path in sorted((SOURCE / "doc").glob("*.md")) if f"doc/{path.name} " not in makefile] == []


def test_what_pages_name_is_there():
    """Files of the source in the tour, and links from page to page."""
    homes = [SOURCE, SOURCE / "src", *(SOURCE / "src" / room for room in ("exchange", "ledger", "upstream", "store"))]
    named = re.findall(r"`((?:[a-z_]+/)*[a-z_0-9]+\.(?:c|h|py|sql|awk))\b", (SOURCE / "doc" / "tour.md").read_text())
    gone = [name for name in named if name != "room/room.h" and not any((home / name).exists() for home in homes)]
    for page in [SOURCE / "README.md", *sorted((SOURCE / "doc").glob("*.md"))]:
        for path, head in re.findall(r"\]\((?!https?:)([^)#]*)(#[^)]*)?\)", page.read_text()):
            to = page.parent / path if path else page
            heads = re.findall(r"^#+ (.*)$", to.read_text(), re.M) if to.exists() else []
            if not to.exists() or (head and head[1:] not in {re.sub(r"[^\w\- ]", "", h.lower()).replace(" ", "-") for h in heads}):
                gone.append(f"{page.name}: {path}{head}")
    assert gone == []
