# SPDX-License-Identifier: Apache-2.0
# sql/*.sql to C: with -v what=enum the enum of all statements, with -v what=table their texts; and the migrations, whose files are told by their folder.
# What several statements share is a part (-- part: name): behind it, @name stands for its text, and @name(x) for its text with x for each @1.
function wrong(what_is) { print FILENAME ":" FNR ": " what_is > "/dev/stderr"; exit failed = 1 }
function quoted(line) { gsub(/\\/, "&&", line); gsub(/"/, "\\\"", line); gsub(/\t/, " ", line); return "\"" line "\\n\"" }
# The text with its parts in their places.
function whole(text, d,    done, name, with, part) {
	while (match(text, /@[a-z][a-z_]*(\([^()]*\))?/)) {
		name = substr(text, RSTART + 1, RLENGTH - 1); with = ""
		done = done substr(text, 1, RSTART - 1)
		text = substr(text, RSTART + RLENGTH)
		if (match(name, /\(/)) { with = substr(name, RSTART + 1, length(name) - RSTART - 1); name = substr(name, 1, RSTART - 1) }
		if (!((name, d) in parts))
			wrong("no part: " name)
		part = parts[name, d]
		gsub(/@1/, with, part)
		done = done part
	}
	return done text
}
function finish(    text, i, d) {
	if (now == "")
		return
	text = body
	sub(/;?[ \n]*$/, "", text)
	if (text == "")
		wrong("statement " now " has no text")
	for (i = 0; i < 2; i++) {
		d = dialects[i]
		if (dialect != "" && dialect != d)
			continue
		if (is_part) {
			parts[now, d] = whole(text, d)
			continue
		}
		if ((now, d) in texts)
			wrong("statement " now " is there twice")
		texts[now, d] = whole(text, d)
	}
	if (!is_part && !(now in seen)) { seen[now] = 1; names[n++] = now }
	now = ""
}
# The largest $N of a text.
function parameters(text,    most, at) {
	while (match(text, /\$[0-9]+/)) {
		at = substr(text, RSTART + 1, RLENGTH - 1) + 0
		if (at > most)
			most = at
		text = substr(text, RSTART + RLENGTH)
	}
	return most + 0
}
# Whether it may be said again when the connection broke: it changes nothing.  A function of ours may.
function only_reads(text) {
	return text ~ /^SELECT / && text !~ /sluice_[a-z_]*\(|advisory|nextval|notify|FOR (NO KEY )?UPDATE/
}
# The tables there are, in the order in which they were made; all but the schema's own are moved from SQLite to PostgreSQL.
function note_table(verb, line,    i) {
	sub(/.* /, "", line)
	if (line == "sluice_schema")
		return
	if (verb == "CREATE")
		tables[++made] = line
	for (i = 1; verb == "DROP" && i <= made; i++)
		if (tables[i] == line)
			tables[i] = ""
}
function define(name, postgres, sqlite) {
	texts[name, "postgres"] = postgres; texts[name, "sqlite"] = sqlite; names[n++] = name
}
# Columns are in the same order in both schemas, which a test sees to.
function define_moves(    i, t) {
	for (i = 1; i <= made; i++) {
		t = tables[i]
		if (t == "")
			continue
		define("move_from_" t, "SELECT 0 WHERE $1 = $2", "SELECT rowid, * FROM " t " WHERE rowid > $1 ORDER BY rowid LIMIT $2")
		define("load_move_" t, "COPY " t " FROM STDIN", "SELECT 0")
		define("move_count_" t, "SELECT count(*) FROM " t, "SELECT count(*) FROM " t)
	}
}
function print_moves(    i, t) {
	print "static const struct move_row move_rows[] = {"
	for (i = 1; i <= made; i++)
		if ((t = tables[i]) != "")
			printf "\t{ \"%s\", SQL_MOVE_FROM_%s, SQL_LOAD_MOVE_%s, SQL_MOVE_COUNT_%s },\n", t, toupper(t), toupper(t), toupper(t)
	print "};"
}
function print_text(text,    line, lines, i) {
	lines = split(text, line, "\n")
	for (i = 1; i <= lines; i++)
		if (line[i] != "")
			printf "\n\t    %s", quoted(line[i])
}
BEGIN { dialects[0] = "postgres"; dialects[1] = "sqlite"; print "/* Made by statements.awk of sql/. */" }
FILENAME ~ /\/(postgres|sqlite)\/[0-9]+\.sql$/ {
	if (FNR == 1) {
		where = FILENAME; sub(/\/[0-9]+\.sql$/, "", where); sub(/.*\//, "", where)
		number = FILENAME; sub(/.*\//, "", number); number += 0
		if (number != ++migrations[where]) wrong("migrations are not numbered one after the other")
	}
	if (where == "sqlite" && match($0, /^(CREATE|DROP) TABLE [a-z_]+/))
		note_table($1, substr($0, RSTART, RLENGTH))
	if ($0 !~ /^[ \t]*--/ && $0 !~ /^[ \t]*$/)
		schema[where, number] = schema[where, number] $0 "\n"
	next
}
/^-- (name|part): / {
	finish()
	now = $3; dialect = $4; body = ""; is_part = $2 == "part:"
	if (now !~ /^[a-z][a-z0-9_]*$/) wrong("no name: " now)
	if (dialect != "" && dialect != "postgres" && dialect != "sqlite") wrong("no dialect: " dialect)
	next
}
/^[ \t]*--/ || /^[ \t]*$/ { next }
{
	if (now == "") wrong("text before the first name")
	body = body $0 "\n"
}
function print_enum(    i) {
	print "#ifndef STORE_STATEMENTS_H\n#define STORE_STATEMENTS_H\n\nenum statement {"
	for (i = 0; i < n; i++)
		printf "\tSQL_%s,\n", toupper(names[i])
	print "\tSQL_STATEMENTS\n};\n\n#endif"
}
function print_table(    i, p, s) {
	for (i = 0; i < n; i++) {
		p = texts[names[i], "postgres"]; s = texts[names[i], "sqlite"]
		if (p == "" || s == "") { print "statement " names[i] " is missing in a dialect" > "/dev/stderr"; exit 1 }
		if (names[i] !~ /^load_/ && parameters(p) != parameters(s)) { print "statement " names[i] " has other parameters in the other dialect" > "/dev/stderr"; exit 1 }
		printf "\t[SQL_%s] = { \"%s\", %d, %s, {", toupper(names[i]), names[i], parameters(s), only_reads(p) ? "true" : "false"
		print_text(p); printf ","
		print_text(s); print " } },"
	}
}
function print_schema(i) {
	print_text(schema["postgres", i]); printf ","
	print_text(schema["sqlite", i])
}
END {
	if (failed) exit 1
	finish()
	if (migrations["postgres"] != migrations["sqlite"]) { print "a migration is missing in a dialect" > "/dev/stderr"; exit 1 }
	define_moves()
	if (what == "enum") { print_enum(); exit 0 }
	print "static const struct statement_row statement_rows[SQL_STATEMENTS] = {"
	print_table()
	print "};\nstatic const char *const migrations[][2] = {"
	for (i = 1; i <= migrations["postgres"]; i++) { printf "\t{"; print_schema(i); print " }," }
	print "};"
	print_moves()
}
