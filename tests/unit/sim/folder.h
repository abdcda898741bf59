/* SPDX-License-Identifier: BSD-3-Clause */
/* A folder with a made-up directory, for tests of the simulator. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

#define FOLDER_N_RELAYS 80

typedef struct
{
  char *path;             /* of the folder */
  char *consensus;        /* its text: signed by the test authority 0, FOLDER_N_RELAYS relays */
  char *microdescriptors; /* all, one after the other */
  char *certificates;
  char *authority;        /* the value of a DirAuthority line */
} Folder;

void folder_init (Folder *self);
void folder_clear (Folder *self);

/* Writes a file below the folder, with the folders above it. Returns: (transfer full): its path. */
char *folder_write (const Folder *self, const char *name, const char *text);

/* Writes the three documents as a client's cache has them. */
void folder_write_cache (const Folder *self);

/* (transfer full): the consensus of @hours later (up to the end of the year), which nobody has signed. */
char *folder_make_later (const Folder *self, guint hours);

G_END_DECLS
