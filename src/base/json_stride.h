/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One stride over the inside of a string, 64 bytes a step.  No guard: json_token.c includes it once per instruction set, after
 * naming STRIDE, TARGET, EQUAL(p, c), ODD(p) (below 0x20 as signed bytes), HIGH(p) and UTF8(p) (64 bytes are well-formed, but for a cut at their end).
 */

/* Every step starts between two characters and outside an escape, so nothing is carried from one to the next. */
static TARGET const char *
STRIDE(const char *p, const char *end)
{
	while (end - p >= 64) {
		uint64_t quotes = EQUAL(p, '"'), slashes = EQUAL(p, '\\'), odd = ODD(p);
		uint64_t closing = quotes, inside = ~UINT64_C(0);
		int step = 64;

		if ((slashes | odd) == 0) {
			if (quotes != 0)
				return (p + __builtin_ctzll(quotes));
			p += 64;
			continue;
		}
		if (slashes != 0) {
			uint64_t escaped = escaped_by(slashes), others;

			closing = quotes & ~escaped;
			if (closing != 0)
				inside = (closing & -closing) - 1;
			others = escaped & inside & ~(quotes | slashes | EQUAL(p, 'n') | EQUAL(p, 't'));
			if (others != 0 && !escapes_good(p, end, others))
				return (p);
			if (closing == 0 && escape_cut(slashes, escaped))
				step = 63;
		} else if (closing != 0)
			inside = (closing & -closing) - 1;
		odd &= inside;
		if (odd != 0) {
			uint64_t high = HIGH(p) & inside;

			if ((odd & ~high) != 0)
				return (p);
			if (UTF8(p))
				step -= closing == 0 ? character_cut(p) : 0;
			else if (!characters_good(p, end, high, &step))
				return (p);
		}
		if (closing != 0)
			return (p + __builtin_ctzll(closing));
		p += step;
	}
	return (p);
}

#undef STRIDE
#undef TARGET
#undef EQUAL
#undef ODD
#undef HIGH
#undef UTF8
