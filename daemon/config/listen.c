/* SPDX-License-Identifier: BSD-3-Clause */
#include "config/listen.h"

#include <arpa/inet.h>
#include <string.h>

#include "base/encoding.h"
#include "base/error.h"

#define LISTEN_SHOWN_MAX 60 /* characters of a value in a message */

typedef enum
{
  LISTEN_FLAG_ALWAYS, /* what Cepa does; the No form cannot be had */
  LISTEN_FLAG_NEVER,  /* what Cepa does not do; only the No form says the truth */
  LISTEN_FLAG_ABSENT, /* neither form can be had */
  LISTEN_FLAG_UNIX,   /* means something for unix: sockets only */
  LISTEN_FLAG_KEEP_ALIVE, /* can be had or not */
} ListenFlagKind;

typedef struct
{
  const char *name;
  ListenFlagKind kind;
} ListenFlag;

/* C Tor's flags of SocksPort; SessionGroup= has a value and is looked at apart. */
static const ListenFlag listen_socks_flags[] = {
  { "IsolateClientAddr", LISTEN_FLAG_ALWAYS },
  { "IsolateSOCKSAuth", LISTEN_FLAG_ALWAYS },
  { "IPv4Traffic", LISTEN_FLAG_ALWAYS },
  { "IPv6Traffic", LISTEN_FLAG_ALWAYS },
  { "IsolateClientProtocol", LISTEN_FLAG_NEVER },
  { "IsolateDestPort", LISTEN_FLAG_NEVER },
  { "IsolateDestAddr", LISTEN_FLAG_NEVER },
  { "KeepAliveIsolateSOCKSAuth", LISTEN_FLAG_KEEP_ALIVE },
  { "PreferIPv6", LISTEN_FLAG_NEVER },
  { "DNSRequest", LISTEN_FLAG_NEVER },
  { "OnionTraffic", LISTEN_FLAG_NEVER },
  { "OnionTrafficOnly", LISTEN_FLAG_ABSENT },
  { "CacheIPv4DNS", LISTEN_FLAG_NEVER },
  { "CacheIPv6DNS", LISTEN_FLAG_NEVER },
  { "CacheDNS", LISTEN_FLAG_NEVER },
  { "UseIPv4Cache", LISTEN_FLAG_NEVER },
  { "UseIPv6Cache", LISTEN_FLAG_NEVER },
  { "UseDNSCache", LISTEN_FLAG_NEVER },
  { "PreferIPv6Automap", LISTEN_FLAG_NEVER },
  { "PreferSOCKSNoAuth", LISTEN_FLAG_NEVER },
  { "ExtendedErrors", LISTEN_FLAG_NEVER },
  { "GroupWritable", LISTEN_FLAG_UNIX },
  { "WorldWritable", LISTEN_FLAG_UNIX },
  { "RelaxDirModeCheck", LISTEN_FLAG_UNIX },
};

static const ListenFlag listen_control_flags[] = {
  { "GroupWritable", LISTEN_FLAG_NEVER },
  { "WorldWritable", LISTEN_FLAG_NEVER },
  { "RelaxDirModeCheck", LISTEN_FLAG_NEVER },
};

void
cepa_listen_config_free (CepaListenConfig *self)
{
  g_free (self->option);
  g_free (self->address);
  g_free (self);
}

static gboolean
listen_fail (const char *text, const char *what, GError **error)
{
  g_autofree char *shown = cepa_escape_for_log (text, strlen (text), LISTEN_SHOWN_MAX);

  g_set_error (error, CEPA_ERROR, CEPA_ERROR_CONFIG, "\"%s\" %s", shown, what);
  return FALSE;
}

/* 0 when @text is no number from 1 to 65535. */
static guint16
listen_parse_port (const char *text)
{
  guint64 port;

  return g_ascii_string_to_unsigned (text, 10, 1, 65535, &port, NULL) ? (guint16) port : 0;
}

/* Returns (transfer full) (nullable): the usual spelling of a numeric address or of localhost. */
static char *
listen_parse_address (const char *text)
{
  gsize len = strlen (text);
  char shown[INET6_ADDRSTRLEN];
  guint8 address[16];

  if (g_ascii_strcasecmp (text, "localhost") == 0)
    return g_strdup ("127.0.0.1");
  if (inet_pton (AF_INET, text, address) == 1)
    return g_strdup (inet_ntop (AF_INET, address, shown, sizeof shown));
  if (len > 2 && text[0] == '[' && text[len - 1] == ']')
    {
      g_autofree char *inner = g_strndup (text + 1, len - 2);

      if (inet_pton (AF_INET6, inner, address) == 1)
        return g_strdup (inet_ntop (AF_INET6, address, shown, sizeof shown));
    }
  return NULL;
}

static gboolean
listen_is_local (const char *address)
{
  guint8 bytes[16];

  return g_str_equal (address, "::1") || (inet_pton (AF_INET, address, bytes) == 1 && bytes[0] == 127);
}

/* Returns (transfer full) (nullable): NULL with @error. "0" is not for this function. */
static CepaListenConfig *
listen_parse_place (const char *option, const char *text, GError **error)
{
  const char *colon = strrchr (text, ':');
  const char *port_text = colon != NULL ? colon + 1 : text;
  g_autofree char *address_text = g_strndup (text, colon != NULL ? (gsize) (colon - text) : 0);
  g_autofree char *address = listen_parse_address (colon != NULL ? address_text : "127.0.0.1");
  gboolean is_auto = g_ascii_strcasecmp (port_text, "auto") == 0;
  guint16 port = listen_parse_port (port_text);
  CepaListenConfig *listener;

  if (!is_auto && port == 0)
    {
      listen_fail (text, "is not a port; write a number from 1 to 65535, ADDRESS:PORT, auto, or 0", error);
      return NULL;
    }
  if (address == NULL)
    {
      listen_fail (address_text, "is not a numeric address; write 127.0.0.1:PORT or, for IPv6, [::1]:PORT",
                   error);
      return NULL;
    }
  listener = g_new0 (CepaListenConfig, 1);
  listener->option = g_strdup (option);
  listener->address = g_steal_pointer (&address);
  listener->port = port;
  listener->is_auto = is_auto;
  return listener;
}

static const ListenFlag *
listen_find_flag (const ListenFlag *flags, gsize n_flags, const char *text)
{
  gsize len = strlen (text);

  /* C Tor reads IsolateDestPorts as IsolateDestPort. */
  if (len > 0 && g_ascii_strncasecmp (text, "Isolate", 7) == 0 && g_ascii_tolower (text[len - 1]) == 's')
    len--;
  for (gsize i = 0; i < n_flags; i++)
    if (strlen (flags[i].name) == len && g_ascii_strncasecmp (flags[i].name, text, len) == 0)
      return &flags[i];
  return NULL;
}

/* @keeps_alive: (inout) */
static gboolean
listen_check_flag (const ListenFlag *flags, gsize n_flags, const char *text, gboolean *keeps_alive, GError **error)
{
  const ListenFlag *flag = listen_find_flag (flags, n_flags, text);
  gboolean negated = FALSE;

  if (flag == NULL && g_ascii_strncasecmp (text, "No", 2) == 0)
    {
      flag = listen_find_flag (flags, n_flags, text + 2);
      negated = flag != NULL;
    }
  if (g_ascii_strncasecmp (text, "SessionGroup=", strlen ("SessionGroup=")) == 0)
    return listen_fail (text, "is a flag that is not supported by this version of Cepa yet", error);
  if (flag == NULL || (negated && flag->kind == LISTEN_FLAG_ABSENT))
    return listen_fail (text, "is not a flag of this option", error);
  if (flag->kind == LISTEN_FLAG_UNIX)
    return listen_fail (text, "is a flag for unix: sockets, not for a port", error);
  if (flag->kind == LISTEN_FLAG_KEEP_ALIVE)
    {
      *keeps_alive = !negated;
      return TRUE;
    }
  if (negated ? flag->kind == LISTEN_FLAG_NEVER : flag->kind == LISTEN_FLAG_ALWAYS)
    return TRUE;
  return listen_fail (text, "is a flag that is not supported by this version of Cepa yet", error);
}

/* Returns (transfer full): the words of @value: the place and the flags. */
static GStrv
listen_split (const char *value)
{
  GPtrArray *words = g_ptr_array_new ();

  while (*value != '\0')
    {
      gsize len = strcspn (value, " \t\r\n\v\f");

      if (len > 0)
        g_ptr_array_add (words, g_strndup (value, len));
      value += len;
      value += strspn (value, " \t\r\n\v\f");
    }
  g_ptr_array_add (words, NULL);
  return (GStrv) g_ptr_array_free (words, FALSE);
}

/* @listener is left NULL for "0". */
static gboolean
listen_parse (const char *option, const char *value, const ListenFlag *flags, gsize n_flags,
              CepaListenConfig **listener, GError **error)
{
  g_auto (GStrv) words = listen_split (value);
  gboolean keeps_alive = FALSE;

  if (words[0] == NULL)
    return listen_fail (value, "is not a port; write a number from 1 to 65535, ADDRESS:PORT, auto, or 0",
                        error);
  for (guint i = 1; words[i] != NULL; i++)
    if (!listen_check_flag (flags, n_flags, words[i], &keeps_alive, error))
      return FALSE;
  if (g_str_equal (words[0], "0"))
    return TRUE;
  *listener = listen_parse_place (option, words[0], error);
  if (*listener != NULL)
    (*listener)->keeps_alive = keeps_alive;
  return *listener != NULL;
}

gboolean
cepa_listen_parse_socks (const char *option, const char *value, GPtrArray *listeners, GPtrArray *warnings,
                         GError **error)
{
  CepaListenConfig *listener = NULL;

  if (g_ascii_strncasecmp (value, "unix:", strlen ("unix:")) == 0)
    return listen_fail (value, "is a unix: socket; those are not supported by this version of Cepa yet",
                        error);
  if (!listen_parse (option, value, listen_socks_flags, G_N_ELEMENTS (listen_socks_flags), &listener, error))
    return FALSE;
  if (listener == NULL)
    return TRUE;
  if (!listen_is_local (listener->address))
    g_ptr_array_add (warnings, g_strdup_printf ("%s: %s is not an address of this machine alone: whoever can "
                                                "reach it can use your Tor client", option,
                                                listener->address));
  g_ptr_array_add (listeners, listener);
  return TRUE;
}

gboolean
cepa_listen_parse_control (const char *option, const char *value, GPtrArray *listeners, gboolean *is_wanted,
                           GError **error)
{
  CepaListenConfig *listener = NULL;

  *is_wanted = g_ascii_strncasecmp (value, "unix:", strlen ("unix:")) == 0;
  if (*is_wanted)
    return TRUE;
  if (!listen_parse (option, value, listen_control_flags, G_N_ELEMENTS (listen_control_flags), &listener, error))
    return FALSE;
  *is_wanted = listener != NULL;
  if (listener != NULL)
    g_ptr_array_add (listeners, listener);
  return TRUE;
}
