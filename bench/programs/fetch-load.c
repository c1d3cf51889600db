// The load of the `fetch` bench, the same for every program that makes requests: sends them as messages over ZeroMQ and
// checks every response. A wrong, incomplete or missing one ends the program with a message, and so the bench.
//
//   fetch-load req SPEC URI BODY IN_FLIGHT SECONDS      one packet there, one back (DEALER)
//   fetch-load push BASE URI BODY IN_FLIGHT SECONDS     requests by PUSH that want no stream, responses by SUB
//   fetch-load download BASE SMALL_URI URI FILE TIMES   what is in FILE as a stream under credits, so many times
//
// The first two keep IN_FLIGHT requests in flight for SECONDS, wait for the rest, and print the number of responses,
// the seconds from the first request to the last response, and the p50 and p99 of the response time in milliseconds. The
// last one prints the seconds that all downloads took; SMALL_URI is asked for before.
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <zmq.h>

#include "../handlers/zhttp.h"

#define ADDRESS "bench"  // of this program, for responses
#define PROBE "probe"    // an id like no other

enum {
  MAX_IN_FLIGHT = 1000,
  WINDOW = 200000,  // credits for a response, as Pushpin grants them
  START_MS = 15000,
  PROBE_MS = 50,
  STALLED_MS = 10000,
};

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

// ---- sockets ----

static void *context;

static void set_timeout(void *socket, int milliseconds) {
  if (zmq_setsockopt(socket, ZMQ_RCVTIMEO, &milliseconds, sizeof milliseconds) < 0) die("%s", zmq_strerror(errno));
}

static void *open_socket(int type, const char *base, const char *suffix) {
  char endpoint[256];
  int unlimited = 0, yes = 1;  // what is dropped or held back here would be the load's doing
  void *socket = zmq_socket(context, type);
  snprintf(endpoint, sizeof endpoint, "%s%s", base, suffix);
  if (socket == NULL || zmq_setsockopt(socket, ZMQ_SNDHWM, &unlimited, sizeof unlimited) < 0 ||
      zmq_setsockopt(socket, ZMQ_RCVHWM, &unlimited, sizeof unlimited) < 0 ||
      (type == ZMQ_SUB && zmq_setsockopt(socket, ZMQ_SUBSCRIBE, ADDRESS " ", strlen(ADDRESS " ")) < 0) ||
      (type == ZMQ_ROUTER && zmq_setsockopt(socket, ZMQ_ROUTER_MANDATORY, &yes, sizeof yes) < 0) ||
      zmq_connect(socket, endpoint) < 0)
    die("%s: %s", endpoint, zmq_strerror(errno));
  return socket;
}

static void send_frame(void *socket, struct text frame, int flags) {
  if (zmq_send(socket, frame.at, frame.length, flags) < 0) die("cannot send: %s", zmq_strerror(errno));
}

// Receives one frame; false if none came within the socket's time.
static bool receive(void *socket, zmq_msg_t *message) {
  if (zmq_msg_recv(message, socket, 0) >= 0) return true;
  if (errno != EAGAIN) die("cannot receive: %s", zmq_strerror(errno));
  return false;
}

// Reads a packet that came by SUB, behind our address.
static void read_answer(zmq_msg_t *message, struct packet *packet) {
  struct text frame = {zmq_msg_data(message), zmq_msg_size(message)};
  if (!starts(frame, ADDRESS " ")) die("a response came that was not subscribed to");
  frame.at += strlen(ADDRESS " ");
  frame.length -= strlen(ADDRESS " ");
  read_packet(frame, packet);
}

static bool is_probe(struct text id) { return starts(id, PROBE); }

// Whether the packet carries a part of a response; dies if the request failed. Other packets may be for several sessions.
static bool is_data(struct packet *packet) {
  if (packet->type.length == 0 && packet->ids == 1) return true;
  if (is(packet->type, "keep-alive") || is(packet->type, "credit")) return false;
  die("a request ended with %.*s %.*s", (int)packet->type.length, packet->type.at, (int)packet->condition.length,
      packet->condition.at);
}

static void begin_request(struct text id, const char *uri) {
  begin_packet();
  PUT("2:id,");
  put_text(id);
  PUT("6:method,3:GET,3:uri,");
  put_text((struct text){uri, strlen(uri)});
}

// What a request in stream mode has besides. Some programs always stream, and need the credits then.
static void put_stream_fields(void) {
  PUT("4:from,5:" ADDRESS ",3:seq,1:0#7:credits,");
  put_number(WINDOW);
}

// Connects the three sockets; returns when a response has come, which shows that the publisher knows the subscription.
static void connect_stream(const char *base, const char *uri, void **push, void **router, void **sub) {
  static struct packet packet;
  zmq_msg_t message;
  zmq_msg_init(&message);
  *sub = open_socket(ZMQ_SUB, base, "-out");
  *push = open_socket(ZMQ_PUSH, base, "-in");
  *router = open_socket(ZMQ_ROUTER, base, "-in-stream");
  set_timeout(*sub, PROBE_MS);
  double deadline = now() + START_MS / 1e3;
  for (int probe = 0;; probe++) {
    char id[32];
    int length = snprintf(id, sizeof id, PROBE "%d", probe);
    begin_request((struct text){id, (size_t)length}, uri);
    put_stream_fields();
    send_frame(*push, end_packet((struct text){"", 0}), 0);
    while (receive(*sub, &message)) {
      read_answer(&message, &packet);
      if (is_data(&packet) && !packet.more) {
        set_timeout(*sub, STALLED_MS);
        return;
      }
    }
    if (now() > deadline) die("no response within %d ms", START_MS);
  }
}

// ---- many small requests ----

static struct slot {
  int64_t generation;  // of requests, each with its own id
  double sent;
  int64_t next_seq;
  size_t received;  // of the body
  bool begun;
} slots[MAX_IN_FLIGHT];

static struct text body;
static double *latencies;
static size_t answers, room;

static void note_latency(double seconds) {
  if (answers == room) {
    room = room > 0 ? 2 * room : 1 << 16;
    latencies = realloc(latencies, room * sizeof *latencies);
    if (latencies == NULL) die("no memory");
  }
  latencies[answers++] = seconds;
}

static void ask(void *socket, struct slot *slot, const char *uri, bool push) {
  char id[48];
  int length = snprintf(id, sizeof id, "%d-%lld", (int)(slot - slots), (long long)++slot->generation);
  slot->next_seq = 0;
  slot->received = 0;
  slot->begun = false;
  begin_request((struct text){id, (size_t)length}, uri);
  if (push) put_stream_fields();
  else send_frame(socket, (struct text){"", 0}, ZMQ_SNDMORE);
  slot->sent = now();
  send_frame(socket, end_packet((struct text){"", 0}), 0);
}

// The slot whose request under way has this id, or NULL.
static struct slot *slot_of(struct text id) {
  char text[48];
  if (id.length >= sizeof text) return NULL;
  memcpy(text, id.at, id.length);
  text[id.length] = 0;
  char *dash, *end = text;
  long index = strtol(text, &dash, 10);
  long long generation = *dash == '-' ? strtoll(dash + 1, &end, 10) : 0;
  if (end == text || *end != 0 || index < 0 || index >= MAX_IN_FLIGHT || generation < 1) return NULL;
  return generation == slots[index].generation ? &slots[index] : NULL;
}

// Takes a packet of the response; true when it is complete.
static bool take(struct slot *slot, struct packet *packet, int64_t seq, bool push) {
  if (push && seq != slot->next_seq++) die("packet %lld is out of sequence", (long long)seq);
  if (!is_data(packet)) return false;
  if (!slot->begun && packet->code != 200) die("a response has status %lld", (long long)packet->code);
  slot->begun = true;
  if (packet->body.length > body.length - slot->received ||
      memcmp(packet->body.at, body.at + slot->received, packet->body.length) != 0)
    die("the body of a response differs from the origin's");
  slot->received += packet->body.length;
  if (packet->more) return false;
  if (slot->received != body.length) die("the body of a response is %zu bytes long", slot->received);
  return true;
}

static int by_size(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return x < y ? -1 : x > y;
}

// The smallest latency that at least `percent` of all do not exceed, in milliseconds; they are in order.
static double percentile(int percent) {
  size_t rank = (answers * (size_t)percent + 99) / 100;
  return latencies[rank > 0 ? rank - 1 : 0] * 1e3;
}

static void load(void *out, void *in, const char *uri, bool push, int in_flight, double seconds) {
  static struct packet packet;
  zmq_msg_t message;
  zmq_msg_init(&message);
  double start = now(), last = start;
  for (int index = 0; index < in_flight; index++) ask(out, &slots[index], uri, push);
  for (int under_way = in_flight; under_way > 0;) {
    if (!receive(in, &message)) die("%d requests have no response for %d ms", under_way, STALLED_MS);
    if (push) {
      read_answer(&message, &packet);
    } else {
      if (zmq_msg_size(&message) != 0 || !zmq_msg_more(&message)) die("no delimiter before a response");
      if (!receive(in, &message)) die("a response is cut off");
      read_packet((struct text){zmq_msg_data(&message), zmq_msg_size(&message)}, &packet);
      if (packet.ids != 1 || packet.more) die("a response has no id, or is not complete");
    }
    for (int i = 0; i < packet.ids; i++) {
      struct slot *slot = slot_of(packet.id[i]);
      if (slot == NULL) {
        // Some programs send a keep-alive after the response.
        if (!is_data(&packet) || is_probe(packet.id[i])) continue;
        die("a response is for \"%.*s\", which is not in flight", (int)packet.id[i].length, packet.id[i].at);
      }
      if (!take(slot, &packet, packet.seq[i], push)) continue;
      last = now();
      note_latency(last - slot->sent);
      if (last - start < seconds) ask(out, slot, uri, push);
      else slot->generation = -1, under_way--;
    }
  }
  qsort(latencies, answers, sizeof *latencies, by_size);
  printf("%zu %.6f %.6f %.6f\n", answers, last - start, percentile(50), percentile(99));
}

// ---- downloads ----

static struct text map_file(const char *path) {
  struct stat status;
  int file = open(path, O_RDONLY);
  if (file < 0 || fstat(file, &status) < 0) die("%s: %s", path, strerror(errno));
  void *content = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_SHARED, file, 0);
  if (content == MAP_FAILED) die("%s: %s", path, strerror(errno));
  return (struct text){content, (size_t)status.st_size};
}

static void grant(void *router, struct text peer, struct text id, int64_t seq, int64_t credits) {
  double deadline = now() + STALLED_MS / 1e3;
  // Mandatory: it says so when the connection is not there yet.
  while (zmq_send(router, peer.at, peer.length, ZMQ_SNDMORE) < 0) {
    if (errno != EHOSTUNREACH || now() > deadline) die("cannot grant credits: %s", zmq_strerror(errno));
    usleep(1000);
  }
  send_frame(router, (struct text){"", 0}, ZMQ_SNDMORE);
  begin_packet();
  PUT("4:from,5:" ADDRESS ",2:id,");
  put_text(id);
  PUT("3:seq,");
  put_number(seq);
  PUT("4:type,6:credit,7:credits,");
  put_number(credits);
  send_frame(router, end_packet((struct text){"", 0}), 0);
}

static void download(void *push, void *router, void *sub, const char *uri, int number) {
  static struct packet packet;
  zmq_msg_t message;
  zmq_msg_init(&message);
  char text[32];
  struct text id = {text, (size_t)snprintf(text, sizeof text, "%d", number)};
  begin_request(id, uri);
  put_stream_fields();
  PUT("6:stream,4:true!");
  send_frame(push, end_packet((struct text){"", 0}), 0);

  size_t received = 0;
  int64_t expected = 0, sent = 1, ungranted = 0;
  bool begun = false, more = true;
  while (more) {
    if (!receive(sub, &message)) die("a download stands still at %zu bytes for %d ms", received, STALLED_MS);
    read_answer(&message, &packet);
    // Those of probes may be kept alive still, together with this one.
    int at = packet.ids - 1;
    while (at >= 0 && is_probe(packet.id[at])) at--;
    if (at < 0) continue;
    if (packet.id[at].length != id.length || memcmp(packet.id[at].at, id.at, id.length) != 0) {
      // Some programs send a cancel for credits that arrive after the end of a download.
      if (packet.type.length > 0) continue;
      die("a packet of another download");
    }
    if (packet.seq[at] != expected++) die("packet %lld is out of sequence", (long long)packet.seq[at]);
    if (!is_data(&packet)) continue;
    if (!begun && packet.code != 200) die("a download has status %lld", (long long)packet.code);
    begun = true;
    if (packet.body.length > body.length - received ||
        memcmp(packet.body.at, body.at + received, packet.body.length) != 0)
      die("a download is not what the origin sends at byte %zu", received);
    received += packet.body.length;
    ungranted += (int64_t)packet.body.length;
    more = packet.more;
    if (more && ungranted >= WINDOW / 4) {
      grant(router, packet.from, id, sent++, ungranted);
      ungranted = 0;
    }
  }
  if (received != body.length) die("a download has %zu bytes", received);
}

int main(int count, char **arguments) {
  if (count != 7) die("usage: fetch-load req|push|download BASE ...");
  const char *mode = arguments[1], *base = arguments[2], *uri = arguments[3];
  void *push, *router, *sub;
  context = zmq_ctx_new();
  if (strcmp(mode, "download") == 0) {
    body = map_file(arguments[5]);
    connect_stream(base, uri, &push, &router, &sub);
    double start = now();
    for (int i = 0; i < atoi(arguments[6]); i++) download(push, router, sub, arguments[4], i);
    printf("%.6f\n", now() - start);
    return 0;
  }
  body = (struct text){arguments[4], strlen(arguments[4])};
  int in_flight = atoi(arguments[5]);
  double seconds = atof(arguments[6]);
  if (in_flight < 1 || in_flight > MAX_IN_FLIGHT) die("bad number in flight");
  if (strcmp(mode, "push") == 0) {
    connect_stream(base, uri, &push, &router, &sub);
    load(push, sub, uri, true, in_flight, seconds);
  } else {
    void *dealer = open_socket(ZMQ_DEALER, base, "");
    set_timeout(dealer, START_MS);
    load(dealer, dealer, uri, false, in_flight, seconds);
  }
  return 0;
}
