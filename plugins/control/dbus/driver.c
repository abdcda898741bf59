/* SPDX-License-Identifier: BSD-3-Clause */
/* What a peer of the socket may ask as if it were on a message bus. */
#include <string.h>

#include "dbus-private.h"

/* Copies a match rule's value to @out: apostrophes quote, outside of them a backslash does so for one apostrophe.
   Returns: (nullable): what is behind it; NULL when a quote has no end. */
static const char *
dbus_driver_read_value (const char *p, GString *out)
{
  gboolean is_quoted = FALSE;

  for (; *p != '\0' && (is_quoted || *p != ','); p++)
    {
      if (*p == '\'')
        is_quoted = !is_quoted;
      else if (!is_quoted && p[0] == '\\' && p[1] == '\'')
        g_string_append_c (out, *++p);
      else
        g_string_append_c (out, *p);
    }
  return is_quoted ? NULL : p;
}

/* Finds out which interface and member @rule is about; they stay empty when it does not say. */
static gboolean
dbus_driver_parse_rule (const char *rule, GString *interface, GString *member)
{
  const char *p = rule;

  while (*p != '\0')
    {
      g_autoptr (GString) value = g_string_new (NULL);
      const char *end;
      gsize len;

      p += strspn (p, " ");
      len = strcspn (p, "=,'");
      if (len == 0 || p[len] != '=')
        return FALSE;
      end = dbus_driver_read_value (p + len + 1, value);
      if (end == NULL)
        return FALSE;
      if (len == strlen ("interface") && strncmp (p, "interface", len) == 0)
        g_string_assign (interface, value->str);
      else if (len == strlen ("member") && strncmp (p, "member", len) == 0)
        g_string_assign (member, value->str);
      p = *end == ',' ? end + 1 : end;
    }
  return TRUE;
}

static gboolean
dbus_driver_match (DbusLink *link, const char *method, const char *rule, GError **error)
{
  g_autoptr (GString) interface = g_string_new (NULL);
  g_autoptr (GString) member = g_string_new (NULL);

  if (strcmp (method, "RemoveMatch") == 0)
    {
      if (dbus_signals_remove_rule (link, rule))
        return TRUE;
      g_set_error_literal (error, G_DBUS_ERROR, G_DBUS_ERROR_MATCH_RULE_NOT_FOUND, "there is no such match rule");
      return FALSE;
    }
  if (dbus_driver_parse_rule (rule, interface, member))
    return dbus_signals_add_rule (link, rule, interface->str, member->str, error);
  g_set_error_literal (error, G_DBUS_ERROR, G_DBUS_ERROR_MATCH_RULE_INVALID, "this is no match rule");
  return FALSE;
}

GVariant *
dbus_driver_call (DbusLink *link, const char *method, GVariant *args, GError **error)
{
  const char *text = NULL;
  gboolean is_known;

  if (strcmp (method, "Hello") == 0)
    return g_variant_new ("(s)", ":1.1");
  g_variant_get (args, "(&s)", &text);
  if (g_str_has_suffix (method, "Match"))
    return dbus_driver_match (link, method, text, error) ? g_variant_new ("()") : NULL;
  is_known = strcmp (text, DBUS_NAME) == 0 || strcmp (text, DBUS_UNIQUE_NAME) == 0;
  if (strcmp (method, "NameHasOwner") == 0)
    return g_variant_new ("(b)", is_known);
  if (is_known)
    return g_variant_new ("(s)", DBUS_UNIQUE_NAME);
  g_set_error_literal (error, G_DBUS_ERROR, G_DBUS_ERROR_NAME_HAS_NO_OWNER, "there is only " DBUS_NAME " here");
  return NULL;
}
