// For the name of the program.
#define _GNU_SOURCE
#include "zhttp.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// For the address and the length before a packet.
enum { HEADROOM = 128 };

void die(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  fprintf(stderr, "%s: ", program_invocation_short_name);
  vfprintf(stderr, format, arguments);
  fputc('\n', stderr);
  va_end(arguments);
  exit(1);
}

struct element {
  char type;
  struct text data;
};

bool is(struct text text, const char *word) {
  return text.length == strlen(word) && memcmp(text.at, word, text.length) == 0;
}

bool starts(struct text text, const char *word) {
  return text.length >= strlen(word) && memcmp(text.at, word, strlen(word)) == 0;
}

// Takes the next tnetstring off the front of `rest`; false if it is malformed or cut off.
static bool take(struct text *rest, struct element *element) {
  const char *end = rest->at + rest->length;
  const char *at = rest->at;
  size_t length = 0;
  for (int digits = 0; at < end && *at >= '0' && *at <= '9'; at++) {
    if (++digits > 9) return false;
    length = length * 10 + (size_t)(*at - '0');
  }
  if (at == rest->at || at == end || *at++ != ':') return false;
  if (length >= (size_t)(end - at)) return false;  // the type stands behind the data
  *element = (struct element){at[length], {at, length}};
  *rest = (struct text){at + length + 1, (size_t)(end - at) - length - 1};
  return true;
}

static int64_t number(struct element element) {
  if (element.type != '#' || element.data.length == 0 || element.data.length > 15) die("a field is no number");
  int64_t value = 0;
  for (size_t i = 0; i < element.data.length; i++) {
    char digit = element.data.at[i];
    if (digit < '0' || digit > '9') die("a field is no number");
    value = value * 10 + (digit - '0');
  }
  return value;
}

static void read_ids(struct text rest, struct packet *packet) {
  struct element item, key, value;
  while (rest.length > 0) {
    if (!take(&rest, &item) || item.type != '}' || packet->ids == MAX_IDS) die("bad list of ids");
    int i = packet->ids++;
    packet->id[i] = (struct text){"", 0};
    packet->seq[i] = 0;
    while (item.data.length > 0) {
      if (!take(&item.data, &key) || !take(&item.data, &value)) die("bad list of ids");
      if (is(key.data, "id")) packet->id[i] = value.data;
      else if (is(key.data, "seq")) packet->seq[i] = number(value);
    }
  }
}

void read_packet(struct text rest, struct packet *packet) {
  // Not the arrays: they count as far as `ids` says.
  packet->ids = 0;
  packet->from = packet->type = packet->condition = packet->uri = packet->body = packet->content_type =
      (struct text){"", 0};
  packet->credits = 0;
  packet->code = -1;
  packet->more = false;
  packet->seq[0] = 0;

  struct element map, key, value;
  if (rest.length == 0 || *rest.at != 'T') die("a packet is no tnetstring");
  rest.at++, rest.length--;
  if (!take(&rest, &map) || map.type != '}') die("a packet is no map");
  while (map.data.length > 0) {
    if (!take(&map.data, &key) || !take(&map.data, &value)) die("a packet is cut off");
    struct text name = key.data;
    if (is(name, "id") && value.type == ']') read_ids(value.data, packet);
    else if (is(name, "id")) packet->ids = 1, packet->id[0] = value.data;
    else if (is(name, "seq")) packet->seq[0] = number(value);
    else if (is(name, "from")) packet->from = value.data;
    else if (is(name, "type")) packet->type = value.data;
    else if (is(name, "body")) packet->body = value.data;
    else if (is(name, "more")) packet->more = is(value.data, "true");
    else if (is(name, "credits")) packet->credits = number(value);
    else if (is(name, "content-type")) packet->content_type = value.data;
    else if (is(name, "uri")) packet->uri = value.data;
    else if (is(name, "condition")) packet->condition = value.data;
    else if (is(name, "code")) packet->code = number(value);
  }
}

static char out[HEADROOM + 2 * MAX_BODY_BYTES];
static size_t out_length;

void begin_packet(void) { out_length = HEADROOM; }

void put(const char *bytes, size_t length) {
  if (length > sizeof out - out_length) die("a packet is too long");
  memcpy(out + out_length, bytes, length);
  out_length += length;
}

void put_sized(const char *bytes, size_t length, char type) {
  char digits[24];
  put(digits, (size_t)snprintf(digits, sizeof digits, "%zu:", length));
  put(bytes, length);
  put(&type, 1);
}

void put_number(int64_t value) {
  char digits[24];
  put_sized(digits, (size_t)snprintf(digits, sizeof digits, "%lld", (long long)value), '#');
}

void put_text(struct text text) { put_sized(text.at, text.length, ','); }

struct text end_packet(struct text address) {
  char head[HEADROOM];
  const char *space = address.length > 0 ? " " : "";
  size_t length = (size_t)snprintf(head, sizeof head, "%.*s%sT%zu:", (int)address.length, address.at, space,
                                   out_length - HEADROOM);
  PUT("}");
  memcpy(out + HEADROOM - length, head, length);
  return (struct text){out + HEADROOM - length, out_length - HEADROOM + length};
}
