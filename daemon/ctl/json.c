/* SPDX-License-Identifier: BSD-3-Clause */
#include "ctl/json.h"

#include <json-glib/json-glib.h>
#include <math.h>
#include <stdio.h>

static JsonNode *json_make_variant (GVariant *value);

static JsonNode *
json_make_int (gint64 n)
{
  JsonNode *node = json_node_new (JSON_NODE_VALUE);

  json_node_set_int (node, n);
  return node;
}

static JsonNode *
json_make_string (const char *text)
{
  JsonNode *node = json_node_new (JSON_NODE_VALUE);

  json_node_set_string (node, text);
  return node;
}

static JsonNode *
json_make_double (double n)
{
  JsonNode *node = json_node_new (isfinite (n) ? JSON_NODE_VALUE : JSON_NODE_NULL);

  if (isfinite (n))
    json_node_set_double (node, n);
  return node;
}

static JsonNode *
json_make_bytes (GVariant *value)
{
  gsize n;
  const guint8 *bytes = g_variant_get_fixed_array (value, &n, 1);
  g_autoptr (GString) text = g_string_sized_new (2 * n);

  for (gsize i = 0; i < n; i++)
    g_string_append_printf (text, "%02X", bytes[i]);
  return json_make_string (text->str);
}

static JsonNode *
json_make_dictionary (GVariant *value)
{
  JsonObject *object = json_object_new ();
  JsonNode *node = json_node_new (JSON_NODE_OBJECT);
  GVariantIter iter;
  GVariant *key, *inner;

  g_variant_iter_init (&iter, value);
  while (g_variant_iter_next (&iter, "{@?@*}", &key, &inner))
    {
      gboolean is_text = g_variant_is_of_type (key, G_VARIANT_TYPE_STRING);
      g_autofree char *name = is_text ? g_variant_dup_string (key, NULL) : g_variant_print (key, FALSE);

      json_object_set_member (object, name, json_make_variant (inner));
      g_variant_unref (key);
      g_variant_unref (inner);
    }
  json_node_take_object (node, object);
  return node;
}

static JsonNode *
json_make_children (GVariant *value)
{
  JsonArray *array = json_array_new ();
  JsonNode *node = json_node_new (JSON_NODE_ARRAY);

  for (gsize i = 0; i < g_variant_n_children (value); i++)
    {
      g_autoptr (GVariant) inner = g_variant_get_child_value (value, i);

      json_array_add_element (array, json_make_variant (inner));
    }
  json_node_take_array (node, array);
  return node;
}

/* json-glib has signed numbers only: one that does not fit is rounded to a floating one. */
static JsonNode *
json_make_uint64 (guint64 n)
{
  return n <= G_MAXINT64 ? json_make_int ((gint64) n) : json_make_double ((double) n);
}

static JsonNode *
json_make_boolean (gboolean is_true)
{
  JsonNode *node = json_node_new (JSON_NODE_VALUE);

  json_node_set_boolean (node, is_true);
  return node;
}

static JsonNode *
json_make_container (GVariant *value)
{
  if (g_variant_is_of_type (value, G_VARIANT_TYPE_BYTESTRING))
    return json_make_bytes (value);
  if (g_variant_is_of_type (value, G_VARIANT_TYPE_DICTIONARY))
    return json_make_dictionary (value);
  return json_make_children (value);
}

static JsonNode *
json_make_variant (GVariant *value)
{
  g_autoptr (GVariant) inner = NULL;

  switch (g_variant_classify (value))
    {
    case G_VARIANT_CLASS_BOOLEAN:
      return json_make_boolean (g_variant_get_boolean (value));
    case G_VARIANT_CLASS_BYTE:
      return json_make_int (g_variant_get_byte (value));
    case G_VARIANT_CLASS_INT16:
      return json_make_int (g_variant_get_int16 (value));
    case G_VARIANT_CLASS_UINT16:
      return json_make_int (g_variant_get_uint16 (value));
    case G_VARIANT_CLASS_INT32:
      return json_make_int (g_variant_get_int32 (value));
    case G_VARIANT_CLASS_UINT32:
      return json_make_int (g_variant_get_uint32 (value));
    case G_VARIANT_CLASS_INT64:
      return json_make_int (g_variant_get_int64 (value));
    case G_VARIANT_CLASS_UINT64:
      return json_make_uint64 (g_variant_get_uint64 (value));
    case G_VARIANT_CLASS_DOUBLE:
      return json_make_double (g_variant_get_double (value));
    case G_VARIANT_CLASS_STRING:
    case G_VARIANT_CLASS_OBJECT_PATH:
    case G_VARIANT_CLASS_SIGNATURE:
      return json_make_string (g_variant_get_string (value, NULL));
    case G_VARIANT_CLASS_VARIANT:
      inner = g_variant_get_variant (value);
      return json_make_variant (inner);
    case G_VARIANT_CLASS_ARRAY:
    case G_VARIANT_CLASS_TUPLE:
      return json_make_container (value);
    default:
      return json_node_new (JSON_NODE_NULL);
    }
}

/* json-glib leaves characters beyond ASCII as they are, and some of them are commands to a terminal. They are in
   strings only, where each can be escaped. */
static char *
json_to_ascii (const char *text)
{
  GString *out = g_string_new (NULL);

  for (const char *p = text; *p != '\0'; p = g_utf8_next_char (p))
    {
      gunichar c = g_utf8_get_char (p);

      if (c < 0x7f)
        g_string_append_c (out, (char) c);
      else if (c < 0x10000)
        g_string_append_printf (out, "\\u%04x", c);
      else
        g_string_append_printf (out, "\\u%04x\\u%04x", 0xd800 + ((c - 0x10000) >> 10), 0xdc00 + (c & 0x3ff));
    }
  return g_string_free (out, FALSE);
}

char *
cepa_ctl_json_format (GVariant *value, gboolean pretty)
{
  g_autoptr (JsonNode) root = json_make_variant (value);
  g_autofree char *text = json_to_string (root, pretty);

  return json_to_ascii (text);
}

void
cepa_ctl_json_print (GVariant *value, gboolean pretty)
{
  g_autofree char *text = cepa_ctl_json_format (value, pretty);

  puts (text);
  fflush (stdout);
}
