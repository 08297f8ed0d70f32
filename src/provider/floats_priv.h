/* SPDX-License-Identifier: Apache-2.0 */
/* The float32 of embeddings, as JSON numbers and as base64: each way is exact, and linear in what it reads. */
#ifndef PROVIDER_FLOATS_PRIV_H
#define PROVIDER_FLOATS_PRIV_H

#include "base/json.h"

/* A JSON number as a float, correctly rounded.  False: it is beyond a float, or absurdly long. */
bool	float_read(float *, struct text number);
/* The shortest JSON number that is read back as this float, which is finite. */
void	float_write(struct buf *, float);

/* A JSON list of numbers as a JSON string of little-endian floats in base64, and back.  False: it can not be read so. */
bool	floats_pack(struct text *string, struct arena *, struct text list);
bool	floats_unpack(struct text *list, struct arena *, struct text string);

#endif
