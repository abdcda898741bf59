/* SPDX-License-Identifier: BSD-3-Clause */
/* Commands out of the bytes of a controller, and their arguments (control-spec: message format). */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Longest command with its line ends, all lines of one with '+' together. As C Tor's. */
#define CEPA_TOR_MAX_COMMAND (1024 * 1024)

/* What a controller sent and nobody has taken yet. */
typedef struct
{
  GByteArray *bytes;
  gsize start; /* of the command that comes next */
  gsize line;  /* start of its line that is not whole yet */
  gsize seen;  /* no line feed before this */
} CepaTorInput;

/**
 * CepaTorCommand:
 * @name: as it was written, with the '+' of a command that has a body
 * @args: the rest of the first line, without white space around it
 *
 * Neither has a zero byte; both may be of any encoding. Wiped when freed: passwords come this way.
 */
typedef struct
{
  char *name;
  char *args;
} CepaTorCommand;

typedef enum
{
  CEPA_TOR_INPUT_MORE,    /* no whole command is there */
  CEPA_TOR_INPUT_COMMAND,
  CEPA_TOR_INPUT_BINARY,  /* a command with a zero byte; it is left out */
  CEPA_TOR_INPUT_TOO_LONG, /* nothing that follows can be read */
} CepaTorInputResult;

void cepa_tor_input_init (CepaTorInput *self);
void cepa_tor_input_clear (CepaTorInput *self);
void cepa_tor_input_add (CepaTorInput *self, const guint8 *data, gsize len);

/**
 * cepa_tor_input_next:
 * @command: (out) (transfer full): set for CEPA_TOR_INPUT_COMMAND alone
 *
 * Takes the next command. Lines end in LF; a CR before it does not count. O(n) in all over the bytes that were added.
 */
CepaTorInputResult cepa_tor_input_next (CepaTorInput *self, CepaTorCommand **command);

/* Returns: whether the bytes begin as a request of HTTP does. */
gboolean cepa_tor_input_is_http (const CepaTorInput *self);

void cepa_tor_command_free (CepaTorCommand *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CepaTorCommand, cepa_tor_command_free)

/* Returns: (transfer full) (element-type utf8): the words of @args, which are apart by spaces. */
GPtrArray *cepa_tor_command_split (const char *args);

/* How pairs are written. */
typedef enum
{
  CEPA_TOR_PAIRS_NO_KEYS = 1 << 0,   /* V alone is a value */
  CEPA_TOR_PAIRS_NO_VALUES = 1 << 1, /* K alone is a key */
  CEPA_TOR_PAIRS_QUOTED = 1 << 2,    /* "V" with \" \\ and the like: a backslash stands for what follows it */
  CEPA_TOR_PAIRS_C_QUOTED = 1 << 3,  /* "V" with escapes of C */
} CepaTorPairFlags;

/* @key, @value: (nullable): NULL where it was left out. Wiped when freed. */
typedef struct
{
  char *key;
  char *value;
} CepaTorPair;

/**
 * cepa_tor_command_pairs:
 * @flags: CepaTorPairFlags; not both of NO_KEYS and NO_VALUES
 *
 * Returns: (transfer full) (nullable) (element-type CepaTorPair): K=V K="V" and what @flags allow, apart by white
 * space; NULL when @args are not of that form.
 */
GPtrArray *cepa_tor_command_pairs (const char *args, guint flags);

G_END_DECLS
