# SPDX-License-Identifier: Apache-2.0
# data/model-facts.tsv to a table in C: names in one string, offsets and numbers in arrays, a bit for each thing a model can do.
BEGIN { FS = "\t"; n = 0; modes = 0; vendors = 0; flags = 0; offset = 0; print "/* Made by facts.awk of data/model-facts.tsv. */"; print "static const char fact_names[] =" }
function wrong(what) { print "facts.awk: " $1 " " what > "/dev/stderr"; exit failed = 1 }
# Dollars for a million tokens to 10^-12 dollars for one: the decimal point moves, nothing is computed.
function pico(dollars,    part, digits) {
	if (dollars == "")
		return -1
	if (dollars !~ /^[0-9]+(\.[0-9]+)?$/ || split(dollars, part, ".") > 2 || length(part[2]) > 6)
		wrong("has a price that is not exact: " dollars)
	digits = part[1] substr(part[2] "000000", 1, 6)
	sub(/^0+/, "", digits)
	return digits == "" ? 0 : digits
}
function bits(list,    word, i, count, sum) {
	count = split(list, word, ",")
	for (i = 1; i <= count; i++) {
		if (!(word[i] in flag)) { flag[word[i]] = flags; flag_named[flags++] = word[i] }
		sum += 2 ^ flag[word[i]]
	}
	return sum + 0
}
/^#/ || $1 == "model" { next }
{
	if (n > 0 && ($1 "") <= (last "")) wrong("is out of order")
	last = $1
	if ($1 ~ /["\\]/) wrong("needs escapes")
	if (NF != 10) wrong("has not ten columns")
	if (!($2 in vendor)) { vendor[$2] = vendors; vendor_named[vendors++] = $2 }
	if (!($3 in mode)) { mode[$3] = modes; mode_named[modes++] = $3 }
	printf "\t\"%s\"\n", $1
	at[n] = offset; offset += length($1)
	whose[n] = vendor[$2]; what[n] = mode[$3]; max_input[n] = $4 + 0; max_output[n] = $5 + 0
	input[n] = pico($6); output[n] = pico($7); cache_read[n] = pico($8); cache_write[n] = pico($9); can[n] = bits($10); n++
}
function numbers(type, name, list, count,    i) {
	printf "static const %s %s[] = {", type, name
	for (i = 0; i < count; i++)
		printf "%s%s,", i % 16 == 0 ? "\n\t" : " ", list[i]
	print "\n};"
}
function words(name, list, count,    i) {
	printf "static const char %s[][32] = {\n", name
	for (i = 0; i < count; i++)
		printf "\t\"%s\",\n", list[i]
	print "};"
}
END {
	if (failed) exit 1
	print "\t;"
	at[n] = offset
	if (vendors > 256 || modes > 256 || flags > 32) { print "facts.awk: too many vendors, modes or flags" > "/dev/stderr"; exit 1 }
	printf "#define FACTS\t%d\n", n
	numbers("unsigned", "fact_name", at, n + 1)
	numbers("unsigned char", "fact_vendor", whose, n)
	numbers("unsigned char", "fact_mode", what, n)
	numbers("int", "fact_max_input", max_input, n)
	numbers("int", "fact_max_output", max_output, n)
	numbers("int64_t", "fact_input", input, n)
	numbers("int64_t", "fact_output", output, n)
	numbers("int64_t", "fact_cache_read", cache_read, n)
	numbers("int64_t", "fact_cache_write", cache_write, n)
	for (i = 0; i < n; i++)
		can[i] = sprintf("%.0fu", can[i])
	numbers("unsigned", "fact_can", can, n)
	words("fact_vendors", vendor_named, vendors)
	words("fact_modes", mode_named, modes)
	words("fact_flags", flag_named, flags)
}
