/* SPDX-License-Identifier: BSD-3-Clause */
/* Where to listen, as ControlPort says it. */
#include "address.h"

#include <string.h>

#include <cepa/error.h>

#define TOR_ADDRESS_UNIX "unix:"

/* sockaddr_un has 108 bytes for a path and its end. */
#define TOR_ADDRESS_MAX_PATH 107

static CepaTorAddress *
tor_address_fail (const char *text, const char *what, GError **error)
{
  g_set_error (error, CEPA_PLUGIN_ERROR, CEPA_PLUGIN_ERROR_INVALID, "cannot listen at \"%s\": %s", text, what);
  return NULL;
}

/* Returns: FALSE when @text is neither "auto" nor a port. */
static gboolean
tor_address_parse_port (const char *text, guint16 *port)
{
  guint64 number;

  *port = 0;
  if (g_ascii_strcasecmp (text, "auto") == 0)
    return TRUE;
  if (!g_ascii_string_to_unsigned (text, 10, 1, G_MAXUINT16, &number, NULL))
    return FALSE;
  *port = (guint16) number;
  return TRUE;
}

static gboolean
tor_address_parse_flag (CepaTorAddress *self, const char *flag)
{
  if (g_ascii_strcasecmp (flag, "GroupWritable") == 0)
    self->mode |= 0060;
  else if (g_ascii_strcasecmp (flag, "WorldWritable") == 0)
    self->mode |= 0066;
  else if (g_ascii_strcasecmp (flag, "RelaxDirModeCheck") == 0)
    self->any_folder = TRUE;
  else
    return FALSE;
  return TRUE;
}

static CepaTorAddress *
tor_address_new_unix (const char *text, const char *path, char **flags, GError **error)
{
  g_autoptr (CepaTorAddress) self = g_new0 (CepaTorAddress, 1);

  self->mode = 0600;
  self->loopback = TRUE;
  if (!g_path_is_absolute (path))
    return tor_address_fail (text, "the path of a socket begins with /", error);
  if (strlen (path) > TOR_ADDRESS_MAX_PATH)
    return tor_address_fail (text, "the path of a socket has 107 bytes at most", error);
  for (guint i = 0; flags[i] != NULL; i++)
    if (*flags[i] != '\0' && !tor_address_parse_flag (self, flags[i]))
      return tor_address_fail (text, "the flags of a socket are GroupWritable, WorldWritable and RelaxDirModeCheck",
                               error);
  self->path = g_strdup (path);
  self->socket = g_unix_socket_address_new (path);
  return g_steal_pointer (&self);
}

CepaTorAddress *
cepa_tor_address_parse_path (const char *text, GError **error)
{
  g_autofree char *stripped = g_strstrip (g_strdup (text));
  g_auto (GStrv) words = NULL;
  char *end;

  if (*stripped == '"' && (end = strchr (stripped + 1, '"')) != NULL)
    {
      *end = '\0';
      words = g_strsplit_set (end + 1, " \t", -1);
      return tor_address_new_unix (text, stripped + 1, words, error);
    }
  words = g_strsplit_set (stripped, " \t", -1);
  return tor_address_new_unix (text, words[0] != NULL ? words[0] : "", words[0] != NULL ? words + 1 : words, error);
}

static CepaTorAddress *
tor_address_new_inet (const char *text, const char *host, const char *port_text, GError **error)
{
  g_autoptr (CepaTorAddress) self = g_new0 (CepaTorAddress, 1);
  g_autoptr (GInetAddress) address = NULL;
  guint16 port;

  if (!tor_address_parse_port (port_text, &port))
    return tor_address_fail (text, "the port is a number from 1 to 65535, or auto", error);
  address = g_inet_address_new_from_string (g_ascii_strcasecmp (host, "localhost") == 0 ? "127.0.0.1" : host);
  if (address == NULL)
    return tor_address_fail (text, "ADDRESS is an IPv4 address, or an IPv6 address in brackets", error);
  self->loopback = g_inet_address_get_is_loopback (address);
  self->socket = g_inet_socket_address_new (address, port);
  return g_steal_pointer (&self);
}

CepaTorAddress *
cepa_tor_address_parse (const char *text, GError **error)
{
  g_autofree char *stripped = g_strstrip (g_strdup (text));
  char *colon = strrchr (stripped, ':'), *host = stripped;

  if (g_ascii_strncasecmp (stripped, TOR_ADDRESS_UNIX, strlen (TOR_ADDRESS_UNIX)) == 0)
    return cepa_tor_address_parse_path (stripped + strlen (TOR_ADDRESS_UNIX), error);
  if (g_str_equal (stripped, "0"))
    return g_new0 (CepaTorAddress, 1);
  if (colon == NULL)
    return tor_address_new_inet (text, "127.0.0.1", stripped, error);
  *colon = '\0';
  if (*host == '[' && colon > host + 1 && colon[-1] == ']')
    {
      colon[-1] = '\0';
      host++;
    }
  else if (strchr (host, ':') != NULL)
    return tor_address_fail (text, "an IPv6 address stands in brackets: [::1]:9051", error);
  return tor_address_new_inet (text, host, colon + 1, error);
}

void
cepa_tor_address_free (CepaTorAddress *self)
{
  g_clear_object (&self->socket);
  g_free (self->path);
  g_free (self);
}

char *
cepa_tor_address_to_text (GSocketAddress *address)
{
  g_autofree char *host = NULL;
  GInetSocketAddress *inet;
  gboolean is_ipv6;

  if (G_IS_UNIX_SOCKET_ADDRESS (address))
    return g_strconcat (TOR_ADDRESS_UNIX, g_unix_socket_address_get_path (G_UNIX_SOCKET_ADDRESS (address)), NULL);
  inet = G_INET_SOCKET_ADDRESS (address);
  host = g_inet_address_to_string (g_inet_socket_address_get_address (inet));
  is_ipv6 = g_socket_address_get_family (address) == G_SOCKET_FAMILY_IPV6;
  return g_strdup_printf (is_ipv6 ? "[%s]:%u" : "%s:%u", host, g_inet_socket_address_get_port (inet));
}
