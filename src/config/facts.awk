# SPDX-License-Identifier: Apache-2.0
# data/model-facts.tsv to a table in C: names in one string, offsets and numbers in arrays.
BEGIN { FS = "\t"; n = 0; modes = 0; offset = 0; print "/* Made by facts.awk of data/model-facts.tsv. */"; print "static const char fact_names[] =" }
/^#/ || $1 == "model" { next }
{
	if (n > 0 && ($1 "") <= (last "")) { print "facts.awk: " $1 " is out of order" > "/dev/stderr"; exit 1 }
	last = $1
	if ($1 ~ /["\\]/) { print "facts.awk: " $1 " needs escapes" > "/dev/stderr"; exit 1 }
	if (!($2 in mode)) { mode[$2] = modes; named[modes++] = $2 }
	printf "\t\"%s\"\n", $1
	at[n] = offset; offset += length($1)
	what[n] = mode[$2]; input[n] = $3 + 0; output[n] = $4 + 0; n++
}
function numbers(type, name, list, count,    i) {
	printf "static const %s %s[] = {", type, name
	for (i = 0; i < count; i++)
		printf "%s%d,", i % 16 == 0 ? "\n\t" : " ", list[i]
	print "\n};"
}
END {
	print "\t;"
	at[n] = offset
	printf "#define FACTS\t%d\n", n
	numbers("unsigned", "fact_name", at, n + 1)
	numbers("unsigned char", "fact_mode", what, n)
	numbers("int", "fact_input", input, n)
	numbers("int", "fact_output", output, n)
	print "static const char fact_modes[][24] = {"
	for (i = 0; i < modes; i++)
		printf "\t\"%s\",\n", named[i]
	print "};"
}
