// The handler of the bench `m2`: it speaks Mongrel2's protocol on libzmq, and does no more than the bench asks for. A message that it cannot read ends it, and
// with it the bench.
//
//   mongrel2 SEND_SPEC RECV_SPEC   responds to GETs; GET /subscribe: a stream that gets what is sent with POST /publish
//
// It prints "ready" when it can be asked.
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

#define ANSWER "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 12\r\n\r\nhello world\n"
#define STREAM "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n"
#define PUBLISHED "HTTP/1.1 204 No Content\r\n\r\n"

enum {
  MAX_IDS = 128,  // in one message
  MAX_SUBSCRIBERS = 32768,
  MAX_ITEM_BYTES = 4096,
  MAX_ID_DIGITS = 20,
};

static void *replies;  // XPUB to the server's SUB
static char uuid[256];
static long subscribers[MAX_SUBSCRIBERS];
static int subscriber_count;

static _Noreturn void die(const char *format, ...) {
  va_list values;
  va_start(values, format);
  vfprintf(stderr, format, values);
  va_end(values);
  fputc('\n', stderr);
  exit(1);
}

// Answers to some connections with the same bytes.
static void answer(const long *ids, int count, const char *body, size_t length) {
  static char message[sizeof uuid + MAX_IDS * (MAX_ID_DIGITS + 1) + MAX_ITEM_BYTES + 64];
  char list[MAX_IDS * (MAX_ID_DIGITS + 1)];
  size_t list_length = 0;
  for (int i = 0; i < count; i++)
    list_length += (size_t)snprintf(list + list_length, sizeof list - list_length, i == 0 ? "%ld" : " %ld", ids[i]);
  size_t size = (size_t)snprintf(message, sizeof message, "%s %zu:%s, ", uuid, list_length, list);
  if (size + length > sizeof message) die("an answer is too long");
  memcpy(message + size, body, length);
  if (zmq_send(replies, message, size + length, 0) < 0) die("cannot send: %s", zmq_strerror(errno));
}

static void publish(const char *item, size_t length) {
  static char chunk[MAX_ITEM_BYTES + 16];
  if (length > MAX_ITEM_BYTES) die("an item is too long");
  size_t size = (size_t)snprintf(chunk, sizeof chunk, "%zx\r\n", length);
  memcpy(chunk + size, item, length);
  memcpy(chunk + size + length, "\r\n", 2);
  for (int i = 0; i < subscriber_count; i += MAX_IDS) {
    int count = subscriber_count - i < MAX_IDS ? subscriber_count - i : MAX_IDS;
    answer(subscribers + i, count, chunk, size + length + 2);
  }
}

static void forget(long id) {
  for (int i = 0; i < subscriber_count; i++)
    if (subscribers[i] == id) subscribers[i--] = subscribers[--subscriber_count];
}

// Reads `SIZE:BYTES,` and returns what follows it.
static const char *netstring(const char *at, const char *end, const char **bytes, size_t *length) {
  size_t size = 0;
  for (; at < end && *at >= '0' && *at <= '9'; at++) size = size * 10 + (size_t)(*at - '0');
  if (at == end || *at != ':' || size + 1 >= (size_t)(end - at)) die("a message is malformed");
  *bytes = at + 1;
  *length = size;
  return at + 1 + size + 1;
}

static bool is(const char *word, const char *at, size_t length) {
  return strlen(word) == length && memcmp(word, at, length) == 0;
}

static void on_message(const char *at, size_t size) {
  const char *end = at + size;
  const char *first = memchr(at, ' ', size);
  if (first == NULL || (size_t)(first - at) >= sizeof uuid) die("a message has no UUID");
  memcpy(uuid, at, (size_t)(first - at));
  uuid[first - at] = 0;
  char *after_id;
  long id = strtol(first + 1, &after_id, 10);
  const char *path = after_id + 1;
  const char *path_end = memchr(path, ' ', (size_t)(end - path));
  if (path_end == NULL) die("a message has no path");
  size_t path_length = (size_t)(path_end - path);
  const char *headers, *body;
  size_t headers_length, body_length;
  netstring(netstring(path_end + 1, end, &headers, &headers_length), end, &body, &body_length);

  if (is("@*", path, path_length)) {
    forget(id);
  } else if (is("/subscribe", path, path_length)) {
    if (subscriber_count == MAX_SUBSCRIBERS) die("too many subscribers");
    subscribers[subscriber_count++] = id;
    answer(&id, 1, STREAM, sizeof STREAM - 1);
  } else if (is("/publish", path, path_length)) {
    publish(body, body_length);
    answer(&id, 1, PUBLISHED, sizeof PUBLISHED - 1);
  } else {
    answer(&id, 1, ANSWER, sizeof ANSWER - 1);
  }
}

static void *open_socket(void *context, int type, const char *endpoint) {
  int unlimited = 0;  // what is dropped or held back here would be the handler's doing, not the server's
  void *socket = zmq_socket(context, type);
  if (socket == NULL || zmq_setsockopt(socket, ZMQ_SNDHWM, &unlimited, sizeof unlimited) < 0 ||
      zmq_setsockopt(socket, ZMQ_RCVHWM, &unlimited, sizeof unlimited) < 0 || zmq_connect(socket, endpoint) < 0)
    die("%s: %s", endpoint, zmq_strerror(errno));
  return socket;
}

int main(int count, char **arguments) {
  if (count != 3) die("usage: mongrel2 SEND_SPEC RECV_SPEC");
  void *context = zmq_ctx_new();
  zmq_msg_t message;
  zmq_msg_init(&message);
  // XPUB, since it tells when the server has subscribed: what is published before is lost.
  replies = open_socket(context, ZMQ_XPUB, arguments[2]);
  if (zmq_msg_recv(&message, replies, 0) < 0) die("cannot receive: %s", zmq_strerror(errno));
  void *requests = open_socket(context, ZMQ_PULL, arguments[1]);
  puts("ready");
  fflush(stdout);
  for (;;) {
    if (zmq_msg_recv(&message, requests, 0) < 0) die("cannot receive: %s", zmq_strerror(errno));
    on_message(zmq_msg_data(&message), zmq_msg_size(&message));
  }
}
