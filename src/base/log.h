/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the process has to say: notes for the operator (stderr, which web servers put into their error log), and lines of a file.
 *
 * A note never carries a key, a prompt or a vendor's body.  It takes the exchange's id first, or "" for the process itself.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "base/text.h"

enum note_level { NOTE_ERROR, NOTE_WARN, NOTE_INFO, NOTE_DEBUG };

extern enum note_level note_upto;		/* NOTE_INFO */

/* One write a note, at most 2 KB; control characters become blanks.  From any thread.  A note is dropped where nobody reads a full pipe. */
void	note(enum note_level, const char *id, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* A file of lines, appended with one write a line (O_APPEND, no lock), reopened when it was moved away (looked at once a second). */
struct line_file;

struct line_file *line_file_open(const char *path);		/* NULL and a note: cannot be opened now; "-" is stdout */
/* The line brings its newline; a failure is counted and noted once a minute. */
void		  line_file_write(struct line_file *, struct text line, int64_t now_us);
void		  line_file_close(struct line_file *);

#endif
