/* SPDX-License-Identifier: BSD-3-Clause */
#include "request.h"

#include <string.h>

#define REQUEST_PATH "/metrics"

/* A piece of the request. */
typedef struct
{
  const char *text;
  gsize len;
} RequestSlice;

const char *
cepa_prometheus_status_name (CepaPrometheusStatus status)
{
  switch (status)
    {
    case CEPA_PROMETHEUS_OK:
      return "OK";
    case CEPA_PROMETHEUS_NOT_FOUND:
      return "Not Found";
    case CEPA_PROMETHEUS_NOT_ALLOWED:
      return "Method Not Allowed";
    case CEPA_PROMETHEUS_TOO_LARGE:
      return "Request Header Fields Too Large";
    case CEPA_PROMETHEUS_BAD_VERSION:
      return "HTTP Version Not Supported";
    default:
      return "Bad Request";
    }
}

static gboolean
request_is (RequestSlice slice, const char *text)
{
  return slice.len == strlen (text) && memcmp (slice.text, text, slice.len) == 0;
}

/* Takes what is before @separator off *@rest; all of it when there is none. */
static RequestSlice
request_take (RequestSlice *rest, char separator)
{
  const char *end = memchr (rest->text, separator, rest->len);
  RequestSlice taken = { rest->text, end != NULL ? (gsize) (end - rest->text) : rest->len };
  gsize used = taken.len + (end != NULL ? 1 : 0);

  rest->text += used;
  rest->len -= used;
  return taken;
}

/* Without the carriage return at its end. */
static RequestSlice
request_take_line (RequestSlice *rest)
{
  RequestSlice line = request_take (rest, '\n');

  if (line.len > 0 && line.text[line.len - 1] == '\r')
    line.len--;
  return line;
}

/* How many bytes the headers take with the empty line behind them; 0 when it has not come. */
static gsize
request_find_end (const char *data, gsize len)
{
  for (gsize i = 0; i < len; i++)
    {
      if (data[i] != '\n')
        continue;
      if (i + 1 < len && data[i + 1] == '\n')
        return i + 2;
      if (i + 2 < len && data[i + 1] == '\r' && data[i + 2] == '\n')
        return i + 3;
    }
  return 0;
}

static gboolean
request_is_token (RequestSlice slice)
{
  for (gsize i = 0; i < slice.len; i++)
    if (!g_ascii_isalnum (slice.text[i]) && (slice.text[i] == '\0' || strchr ("!#$%&'*+-.^_`|~", slice.text[i]) == NULL))
      return FALSE;
  return slice.len > 0;
}

/* Text that may stand in a header or a target: no control characters but tabs. */
static gboolean
request_is_text (RequestSlice slice)
{
  for (gsize i = 0; i < slice.len; i++)
    if (((guint8) slice.text[i] < 0x20 && slice.text[i] != '\t') || slice.text[i] == 0x7f)
      return FALSE;
  return TRUE;
}

/* "/metrics", "/metrics?x=y", "http://host:port/metrics". */
static gboolean
request_is_for_metrics (RequestSlice target)
{
  static const char scheme[] = "http://";
  RequestSlice path;

  if (target.len > strlen (scheme) && g_ascii_strncasecmp (target.text, scheme, strlen (scheme)) == 0)
    {
      const char *slash = memchr (target.text + strlen (scheme), '/', target.len - strlen (scheme));

      if (slash == NULL)
        return FALSE;
      target.len -= (gsize) (slash - target.text);
      target.text = slash;
    }
  path = request_take (&target, '?');
  return request_is (path, REQUEST_PATH);
}

static CepaPrometheusStatus
request_parse_first_line (RequestSlice line, gboolean *is_head, gboolean *needs_host)
{
  RequestSlice method = request_take (&line, ' ');
  RequestSlice target = request_take (&line, ' ');

  if (!request_is_token (method) || target.len == 0 || !request_is_text (target) || line.len != strlen ("HTTP/1.1")
      || memcmp (line.text, "HTTP/", 5) != 0 || !g_ascii_isdigit (line.text[5]) || line.text[6] != '.'
      || !g_ascii_isdigit (line.text[7]))
    return CEPA_PROMETHEUS_BAD_REQUEST;
  if (line.text[5] != '1')
    return CEPA_PROMETHEUS_BAD_VERSION;
  *needs_host = line.text[7] != '0';
  *is_head = request_is (method, "HEAD");
  if (!request_is_for_metrics (target))
    return CEPA_PROMETHEUS_NOT_FOUND;
  return *is_head || request_is (method, "GET") ? CEPA_PROMETHEUS_OK : CEPA_PROMETHEUS_NOT_ALLOWED;
}

static gboolean
request_check_headers (RequestSlice rest, gboolean needs_host)
{
  guint n_hosts = 0;
  RequestSlice line;

  while ((line = request_take_line (&rest)).len > 0)
    {
      RequestSlice name;

      if (memchr (line.text, ':', line.len) == NULL)
        return FALSE;
      name = request_take (&line, ':');
      if (!request_is_token (name) || !request_is_text (line))
        return FALSE;
      n_hosts += name.len == 4 && g_ascii_strncasecmp (name.text, "host", 4) == 0;
    }
  return n_hosts == 1 || (n_hosts == 0 && !needs_host);
}

CepaPrometheusStatus
cepa_prometheus_parse_request (const char *data, gsize len, gboolean *is_head)
{
  gsize end = request_find_end (data, MIN (len, CEPA_PROMETHEUS_MAX_REQUEST));
  RequestSlice rest = { data, end };
  CepaPrometheusStatus status;
  gboolean needs_host = FALSE;

  *is_head = FALSE;
  if (end == 0)
    return len >= CEPA_PROMETHEUS_MAX_REQUEST ? CEPA_PROMETHEUS_TOO_LARGE : CEPA_PROMETHEUS_WAIT;
  status = request_parse_first_line (request_take_line (&rest), is_head, &needs_host);
  if (status == CEPA_PROMETHEUS_BAD_REQUEST || status == CEPA_PROMETHEUS_BAD_VERSION)
    return status;
  return request_check_headers (rest, needs_host) ? status : CEPA_PROMETHEUS_BAD_REQUEST;
}
