/* SPDX-License-Identifier: BSD-3-Clause */
#include "network/as-map.h"

#include <errno.h>
#include <maxminddb.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/stat.h>

#include "base/error.h"

struct _CepaAsMap
{
  gatomicrefcount ref_count;
  MMDB_s file;
};

CepaAsMap *
cepa_as_map_open (const char *path, GError **error)
{
  CepaAsMap *self;
  struct stat st;
  int status;

  /* At a pipe one would wait for somebody who writes. */
  if (stat (path, &st) == 0 && !S_ISREG (st.st_mode))
    {
      g_set_error (error, CEPA_ERROR, CEPA_ERROR_FILE, "%s: it is not a regular file", path);
      return NULL;
    }
  self = g_new0 (CepaAsMap, 1);
  status = MMDB_open (path, MMDB_MODE_MMAP, &self->file);
  if (status != MMDB_SUCCESS)
    {
      g_set_error (error, CEPA_ERROR, CEPA_ERROR_FILE, "%s: %s", path,
                   status == MMDB_IO_ERROR ? g_strerror (errno) : MMDB_strerror (status));
      g_free (self);
      return NULL;
    }
  g_atomic_ref_count_init (&self->ref_count);
  return self;
}

CepaAsMap *
cepa_as_map_ref (CepaAsMap *self)
{
  g_atomic_ref_count_inc (&self->ref_count);
  return self;
}

void
cepa_as_map_unref (CepaAsMap *self)
{
  if (self == NULL || !g_atomic_ref_count_dec (&self->ref_count))
    return;
  MMDB_close (&self->file);
  g_free (self);
}

/* "AS13335" */
static guint32
as_map_read_text (const char *text, gsize len)
{
  guint64 value = 0;

  if (len < 3 || len > 12 || g_ascii_strncasecmp (text, "AS", 2) != 0)
    return 0;
  for (gsize i = 2; i < len; i++)
    {
      if (!g_ascii_isdigit (text[i]))
        return 0;
      value = value * 10 + (guint64) (text[i] - '0');
    }
  return value <= G_MAXUINT32 ? (guint32) value : 0;
}

static guint32
as_map_read_entry (MMDB_entry_s *entry)
{
  MMDB_entry_data_s data;

  if (MMDB_get_value (entry, &data, "autonomous_system_number", NULL) == MMDB_SUCCESS && data.has_data
      && data.type == MMDB_DATA_TYPE_UINT32)
    return data.uint32;
  if (MMDB_get_value (entry, &data, "asn", NULL) == MMDB_SUCCESS && data.has_data
      && data.type == MMDB_DATA_TYPE_UTF8_STRING)
    return as_map_read_text (data.utf8_string, data.data_size);
  return 0;
}

guint32
cepa_as_map_find_ipv4 (const CepaAsMap *self, guint32 ipv4)
{
  struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = g_htonl (ipv4) };
  MMDB_lookup_result_s result;
  int status = MMDB_SUCCESS;

  result = MMDB_lookup_sockaddr (&self->file, (const struct sockaddr *) (const void *) &address, &status);
  return status == MMDB_SUCCESS && result.found_entry ? as_map_read_entry (&result.entry) : 0;
}
