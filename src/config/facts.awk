# SPDX-License-Identifier: Apache-2.0
# data/model-facts.tsv to tables in C: names in one string, offsets and numbers in arrays, a bit for each thing a model can do.  Many models cost the same, so
# tariffs are kept once, as rates that point to their prices.
BEGIN {
	FS = "\t"; n = modes = vendors = flags = offset = tariffs = rates = prices = 0; steps = 1; step_at[0] = 0
	kinds = split("input cached written written_1h audio_in image_in output reasoning audio_out image_out request second_in second_out query search", kind_named, " ")
	for (i = 1; i <= kinds; i++) kind[kind_named[i]] = i
	split("flex priority batch ultrafast balanced decisions", word, " ")
	for (i in word) tier[word[i]] = "TIER_" toupper(word[i])
	print "/* Made by facts.awk of data/model-facts.tsv. */"; print "static const char fact_names[] ="
}
function wrong(what) { print "facts.awk: " $1 " " what > "/dev/stderr"; exit failed = 1 }
# Dollars for 10^(12-places) to 10^-12 dollars for one: the decimal point moves, nothing is computed.
function pico(dollars, places,    part, digits) {
	if (dollars !~ /^[0-9]+(\.[0-9]+)?$/ || split(dollars, part, ".") > 2 || length(part[2]) > places)
		wrong("has a price that is not exact: " dollars)
	digits = part[1] substr(part[2] "000000000000", 1, places)
	sub(/^0+/, "", digits)
	return digits == "" ? "0" : digits
}
function bits(list,    word, i, count, sum) {
	count = split(list, word, ",")
	for (i = 1; i <= count; i++) {
		if (!(word[i] in flag)) { flag[word[i]] = flags; flag_named[flags++] = word[i] }
		sum += 2 ^ flag[word[i]]
	}
	return sum + 0
}
function price(digits) {
	if (!(digits in price_known)) { price_known[digits] = prices; price_at[prices++] = digits }
	return price_known[digits]
}
function step(tokens) {
	if (tokens == 0) return 0
	if (!(tokens in step_known)) { step_known[tokens] = steps; step_at[steps++] = tokens }
	return step_known[tokens]
}
# One rate of the row at hand: "flex.input>272000", "1.25".
function rate(name, dollars,    part, which, above) {
	which = "TIER_DEFAULT"; above = 0
	if (split(name, part, ">") == 2) { name = part[1]; above = part[2] + 0 }
	if (split(name, part, ".") == 2) { which = tier[part[1]]; name = part[2] }
	if (!(name in kind) || which == "") wrong("has no such price: " name)
	row[++in_row] = sprintf("%02d", kind[name]) "\t{ RATE_" toupper(name) " | " which " << 4, " step(above) ", " \
	    price(pico(dollars, kind[name] > kind["image_out"] ? 12 : 6)) " },"
}
# In the order of their kinds, as struct tariff wants them.
function tariff(    i, k, text) {
	text = ""
	for (k = 1; k <= kinds; k++)
		for (i = 1; i <= in_row; i++)
			if (substr(row[i], 1, 2) + 0 == k) text = text substr(row[i], 3) "\n"
	if (!(text in tariff_known)) { tariff_known[text] = tariffs; tariff_at[tariffs++] = rates; tariff_rows[tariffs - 1] = text; rates += in_row }
	return tariff_known[text]
}
/^#/ || $1 == "model" { next }
{
	if (n > 0 && ($1 "") <= (last "")) wrong("is out of order")
	last = $1
	if ($1 ~ /["\\]/) wrong("needs escapes")
	if (NF != 11) wrong("has not eleven columns")
	if (!($2 in vendor)) { vendor[$2] = vendors; vendor_named[vendors++] = $2 }
	if (!($3 in mode)) { mode[$3] = modes; mode_named[modes++] = $3 }
	printf "\t\"%s\"\n", $1
	at[n] = offset; offset += length($1)
	whose[n] = vendor[$2]; what[n] = mode[$3]; max_input[n] = $4 + 0; max_output[n] = $5 + 0; can[n] = bits($10)
	in_row = 0
	if ($6 != "") rate("input", $6)
	if ($7 != "") rate("output", $7)
	if ($8 != "") rate("cached", $8)
	if ($9 != "") rate("written", $9)
	count = split($11, more, " ")
	for (i = 1; i <= count; i++) {
		if (split(more[i], half, "=") != 2) wrong("has no price in " more[i])
		rate(half[1], half[2])
	}
	costs[n] = tariff(); n++
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
	at[n] = offset; tariff_at[tariffs] = rates
	if (vendors > 256 || modes > 256 || flags > 32 || tariffs > 65535 || rates > 65535 || prices > 65535 || steps > 256) {
		print "facts.awk: too many vendors, modes, flags or prices" > "/dev/stderr"; exit 1
	}
	printf "#define FACTS\t%d\n", n
	numbers("unsigned", "fact_name", at, n + 1)
	numbers("unsigned char", "fact_vendor", whose, n)
	numbers("unsigned char", "fact_mode", what, n)
	numbers("int", "fact_max_input", max_input, n)
	numbers("int", "fact_max_output", max_output, n)
	numbers("uint16_t", "fact_tariff", costs, n)
	numbers("uint16_t", "tariff_at", tariff_at, tariffs + 1)
	numbers("int64_t", "tariff_prices", price_at, prices)
	numbers("int32_t", "tariff_steps", step_at, steps)
	print "static const struct { uint8_t of_tier, step; uint16_t price; } tariff_rates[] = {"
	for (i = 0; i < tariffs; i++)
		printf "%s", tariff_rows[i]
	print "};"
	for (i = 0; i < n; i++)
		can[i] = sprintf("%.0fu", can[i])
	numbers("unsigned", "fact_can", can, n)
	words("fact_vendors", vendor_named, vendors)
	words("fact_modes", mode_named, modes)
	words("fact_flags", flag_named, flags)
}
