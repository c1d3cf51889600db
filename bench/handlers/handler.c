// The handler behind the edge in the benches, the same for every server: a ZHTTP responder on libzmq that does no more
// than the benches ask for. It is strict where a user's handler would be lenient: a packet that it cannot read, a packet
// out of sequence or credits that never come end it with a message, and with it the bench.
//
//   handler stream BASE   responds to GETs; POST /upload: counts the body; GET /download/BYTES: sends as many;
//                         WebSockets: /subscribe gets what is sent to /publish, any other is echoed;
//                         GET /subscribe: a stream with the same
//   handler req SPEC      responds to every request
//
// It prints "ready" when it can be asked.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <zmq.h>

#include "zhttp.h"

#define HANDLER_ID "bench"
#define ANSWER "hello world\n"

enum {
  BUCKETS = 1 << 15,
  MAX_GROUPS = 512,         // of MAX_IDS subscribers
  MAX_ITEM_BYTES = 256,
  ITEM_RING = 4096,         // items that subscribers may lag behind
  UPLOAD_WINDOW = 200000,   // what Pushpin's handlers grant
  WEBSOCKET_CREDITS = 8192,
  KEEP_ALIVE_SECONDS = 25,  // the server gives a session up after 60
};

// ---- sessions ----

enum kind { ECHO, PUBLISHER, SUBSCRIBER, UPLOAD, DOWNLOAD };

struct session {
  struct session *next;
  char id[MAX_ID_BYTES];
  size_t id_length;
  enum kind kind;
  int64_t in_seq, out_seq;
  int64_t credits;    // bytes that may be sent
  int64_t received;   // body bytes of an upload
  int64_t ungranted;  // of those, not granted again yet
  int64_t remaining;  // bytes to send of a download
  int group;          // of a subscriber
};

// Subscribers that are written to by the same packets.
struct group {
  struct session *members[MAX_IDS];  // NULL: gone
  int used;
  bool streams;   // of HTTP; otherwise WebSockets
  uint64_t next;  // the item that comes next
};

struct item {
  char bytes[MAX_ITEM_BYTES];
  size_t length;
};

static void *replies;       // XPUB to the server's SUB
static char server[MAX_ID_BYTES];  // address of the server, known from its first packet
static size_t server_length;
static struct session *table[BUCKETS];
static struct session *unused;
static struct group groups[MAX_GROUPS];
static int group_count, subscribers;
static struct item items[ITEM_RING];
static uint64_t item_count;

static struct session **slot_of(struct text id) {
  uint32_t hash = 2166136261u;  // FNV-1a
  for (size_t i = 0; i < id.length; i++) hash = (hash ^ (uint8_t)id.at[i]) * 16777619u;
  struct session **slot = &table[hash % BUCKETS];
  while (*slot != NULL && !((*slot)->id_length == id.length && memcmp((*slot)->id, id.at, id.length) == 0))
    slot = &(*slot)->next;
  return slot;
}

static struct session *open_session(struct packet *packet, enum kind kind) {
  struct session **slot = slot_of(packet->id[0]);
  if (*slot != NULL) die("a session was opened twice");
  struct session *session = unused != NULL ? unused : malloc(sizeof *session);
  if (session == NULL) die("no memory");
  if (session == unused) unused = session->next;
  *session = (struct session){.kind = kind, .in_seq = 1, .credits = packet->credits, .id_length = packet->id[0].length};
  memcpy(session->id, packet->id[0].at, packet->id[0].length);
  *slot = session;
  return session;
}

static void end_session(struct session *session) {
  if (session->kind == SUBSCRIBER) {
    struct group *group = &groups[session->group];
    for (int i = 0; i < group->used; i++)
      if (group->members[i] == session) group->members[i] = NULL;
    if (--subscribers == 0) group_count = 0;
  }
  struct session **slot = slot_of((struct text){session->id, session->id_length});
  *slot = session->next;
  session->next = unused;
  unused = session;
}

static void begin(void) {
  begin_packet();
  PUT("4:from,5:" HANDLER_ID ",");
}

static void begin_for(struct session *session) {
  begin();
  PUT("2:id,");
  put_text((struct text){session->id, session->id_length});
  PUT("3:seq,");
  put_number(session->out_seq++);
}

static void send_to(void *socket, struct text address) {
  struct text packet = end_packet(address);
  if (zmq_send(socket, packet.at, packet.length, 0) < 0) die("cannot send: %s", zmq_strerror(errno));
}

static void send_packet(void) { send_to(replies, (struct text){server, server_length}); }

static void put_answer(struct text body) {
  PUT("4:code,3:200#6:reason,2:OK,7:headers,34:30:12:Content-Type,10:text/plain,]]4:body,");
  put_text(body);
}

static void grant(struct session *session, int64_t credits) {
  begin_for(session);
  PUT("4:type,6:credit,7:credits,");
  put_number(credits);
  send_packet();
}

static void spend(struct session *session, size_t bytes) {
  session->credits -= (int64_t)bytes;
  if (session->credits < 0) die("no credits left: the server has not granted what it has sent on");
}

// Appends `id` as a list of those sessions, each with its next sequence number.
static void put_ids(struct session *const *sessions, int count) {
  static char list[MAX_IDS * (MAX_ID_BYTES + 64)];
  size_t length = 0;
  for (int i = 0; i < count; i++) {
    struct session *session = sessions[i];
    if (session == NULL) continue;
    char map[MAX_ID_BYTES + 48], digits[24];
    int digit_count = snprintf(digits, sizeof digits, "%lld", (long long)session->out_seq++);
    int size = snprintf(map, sizeof map, "2:id,%zu:%.*s,3:seq,%d:%s#", session->id_length, (int)session->id_length,
                        session->id, digit_count, digits);
    length += (size_t)snprintf(list + length, sizeof list - length, "%d:%s}", size, map);
  }
  PUT("2:id,");
  put_sized(list, length, ']');
}

static void keep_alive(struct session *const *sessions, int count) {
  begin();
  put_ids(sessions, count);
  PUT("4:type,10:keep-alive,");
  send_packet();
}

static void keep_all_alive(void) {
  struct session *batch[MAX_IDS];
  int count = 0;
  for (int bucket = 0; bucket < BUCKETS; bucket++) {
    for (struct session *session = table[bucket]; session != NULL; session = session->next) {
      batch[count++] = session;
      if (count == MAX_IDS) keep_alive(batch, count), count = 0;
    }
  }
  if (count > 0) keep_alive(batch, count);
}

// ---- what is asked for ----

static void subscribe(struct session *session, bool streams) {
  struct group *last = &groups[group_count - 1];
  if (group_count == 0 || last->used == MAX_IDS || last->streams != streams) {
    if (group_count == MAX_GROUPS) die("too many subscribers");
    groups[group_count].used = 0;
    groups[group_count].streams = streams;
    groups[group_count++].next = item_count;
  }
  struct group *group = &groups[group_count - 1];
  group->members[group->used++] = session;
  session->group = group_count - 1;
  subscribers++;
}

// Sends a group the items that wait for it, as far as all its members have credits.
static void pump_group(struct group *group) {
  for (; group->next < item_count; group->next++) {
    struct item *item = &items[group->next % ITEM_RING];
    int members = 0;
    for (int i = 0; i < group->used; i++) {
      struct session *session = group->members[i];
      if (session == NULL) continue;
      if (session->credits < (int64_t)item->length) return;
      members++;
    }
    if (members == 0) continue;
    for (int i = 0; i < group->used; i++)
      if (group->members[i] != NULL) spend(group->members[i], item->length);
    begin();
    put_ids(group->members, group->used);
    PUT("4:body,");
    put_text((struct text){item->bytes, item->length});
    if (group->streams) PUT("4:more,4:true!");
    send_packet();
  }
}

static void publish(struct text body) {
  if (body.length > MAX_ITEM_BYTES) die("an item is too long");
  struct item *item = &items[item_count++ % ITEM_RING];
  memcpy(item->bytes, body.at, body.length);
  item->length = body.length;
  for (int i = 0; i < group_count; i++) {
    if (item_count - groups[i].next > ITEM_RING) die("subscribers lag too far behind");
    pump_group(&groups[i]);
  }
}

static void echo(struct session *session, struct packet *packet) {
  spend(session, packet->body.length);
  begin_for(session);
  PUT("12:content-type,");
  put_text(packet->content_type);
  PUT("4:body,");
  put_text(packet->body);
  if (packet->more) PUT("4:more,4:true!");
  PUT("7:credits,");
  put_number((int64_t)packet->body.length);
  send_packet();
}

static void receive_upload(struct session *session, struct packet *packet) {
  session->received += (int64_t)packet->body.length;
  session->ungranted += (int64_t)packet->body.length;
  if (packet->more) {
    if (session->ungranted >= UPLOAD_WINDOW / 4) {
      grant(session, session->ungranted);
      session->ungranted = 0;
    }
    return;
  }
  char digits[24];
  int length = snprintf(digits, sizeof digits, "%lld\n", (long long)session->received);
  begin_for(session);
  put_answer((struct text){digits, (size_t)length});
  send_packet();
  end_session(session);
}

static void pump_download(struct session *session) {
  static const char filling[MAX_BODY_BYTES];
  while (session->credits > 0) {
    int64_t size = session->remaining < session->credits ? session->remaining : session->credits;
    if (size > MAX_BODY_BYTES) size = MAX_BODY_BYTES;
    spend(session, (size_t)size);
    session->remaining -= size;
    begin_for(session);
    PUT("4:body,");
    put_sized(filling, (size_t)size, ',');
    if (session->remaining > 0) PUT("4:more,4:true!");
    send_packet();
    if (session->remaining == 0) {
      end_session(session);
      return;
    }
  }
}

static void begin_download(struct session *session, const char *digits, size_t length) {
  char total[16];
  if (length == 0 || length >= sizeof total) die("bad size of a download");
  memcpy(total, digits, length);
  total[length] = 0;
  session->remaining = atoll(total);
  if (session->remaining <= 0) die("bad size of a download");
  begin_for(session);
  char header[64];
  int size = snprintf(header, sizeof header, "14:Content-Length,%zu:%s,", length, total);
  char headers[80];
  size = snprintf(headers, sizeof headers, "%d:%s]", size, header);
  PUT("4:code,3:200#6:reason,2:OK,7:headers,");
  put_sized(headers, (size_t)size, ']');
  PUT("4:more,4:true!");
  send_packet();
  pump_download(session);
}

static void answer_close(struct session *session, struct packet *packet) {
  begin_for(session);
  PUT("4:type,5:close,");
  if (packet->code >= 0) {
    PUT("4:code,");
    put_number(packet->code);
  }
  PUT("4:body,");
  put_text(packet->body);
  send_packet();
  end_session(session);
}

// The first packet of a session.
static void on_request(struct packet *packet) {
  if (packet->ids != 1 || packet->seq[0] != 0 || packet->type.length > 0) die("a session began with no request");
  if (packet->id[0].length > MAX_ID_BYTES || packet->from.length == 0 || packet->from.length > MAX_ID_BYTES)
    die("bad address");
  memcpy(server, packet->from.at, packet->from.length);
  server_length = packet->from.length;

  struct text path = packet->uri;
  for (int slashes = 0; path.length > 0; path.at++, path.length--)
    if (*path.at == '/' && ++slashes == 3) break;

  if (starts(packet->uri, "ws")) {
    enum kind kind = is(path, "/subscribe") ? SUBSCRIBER : is(path, "/publish") ? PUBLISHER : ECHO;
    struct session *session = open_session(packet, kind);
    if (kind == SUBSCRIBER) subscribe(session, false);
    begin_for(session);
    // It may be kept alive together with others: `ext.multi` says that lists of ids are understood.
    PUT("3:ext,15:5:multi,4:true!}4:code,3:101#6:reason,19:Switching Protocols,7:credits,");
    put_number(WEBSOCKET_CREDITS);
    send_packet();
  } else if (is(path, "/subscribe")) {
    struct session *session = open_session(packet, SUBSCRIBER);
    subscribe(session, true);
    begin_for(session);
    PUT("3:ext,15:5:multi,4:true!}4:code,3:200#6:reason,2:OK,7:headers,34:30:12:Content-Type,10:text/plain,]]4:more,4:true!");
    send_packet();
  } else if (is(path, "/upload")) {
    struct session *session = open_session(packet, UPLOAD);
    if (packet->more) grant(session, UPLOAD_WINDOW);
    receive_upload(session, packet);
  } else if (starts(path, "/download/")) {
    begin_download(open_session(packet, DOWNLOAD), path.at + 10, path.length - 10);
  } else {
    // Complete in one packet: no session to keep.
    begin();
    PUT("2:id,");
    put_text(packet->id[0]);
    PUT("3:seq,1:0#");
    put_answer((struct text){ANSWER, sizeof ANSWER - 1});
    send_packet();
  }
}

static void on_message(struct session *session, struct packet *packet) {
  if (session->kind == UPLOAD) return receive_upload(session, packet);
  if (session->kind == ECHO) return echo(session, packet);
  if (session->kind == PUBLISHER) publish(packet->body);
  grant(session, (int64_t)packet->body.length);
}

// A later packet, for one of its sessions.
static void on_packet(struct session *session, struct packet *packet, int64_t seq) {
  // A session that is cut off may be so ahead of what was still to be said: these two need not be in sequence.
  if (is(packet->type, "cancel") || is(packet->type, "error")) return end_session(session);
  if (seq != session->in_seq++) die("a packet is out of sequence: %lld", (long long)seq);
  session->credits += packet->credits;
  if (session->kind == SUBSCRIBER) pump_group(&groups[session->group]);
  if (session->kind == DOWNLOAD && packet->type.length > 0 && is(packet->type, "credit")) return pump_download(session);
  if (packet->type.length == 0) return on_message(session, packet);
  if (is(packet->type, "close")) return answer_close(session, packet);
  if (is(packet->type, "ping")) {
    begin_for(session);
    PUT("4:type,4:pong,4:body,");
    put_text(packet->body);
    PUT("7:credits,");
    put_number((int64_t)packet->body.length);
    send_packet();
  }
}

// ---- sockets ----

// Whether servers connect to the handler, and not the other way round.
static bool binds;

static void *open_socket(void *context, int type, const char *base, const char *suffix) {
  char endpoint[256];
  int unlimited = 0;  // what is dropped or held back here would be the handler's doing, not the server's
  void *socket = zmq_socket(context, type);
  snprintf(endpoint, sizeof endpoint, "%s%s", base, suffix);
  if (socket == NULL || zmq_setsockopt(socket, ZMQ_SNDHWM, &unlimited, sizeof unlimited) < 0 ||
      zmq_setsockopt(socket, ZMQ_RCVHWM, &unlimited, sizeof unlimited) < 0 ||
      (type == ZMQ_DEALER && zmq_setsockopt(socket, ZMQ_ROUTING_ID, HANDLER_ID, strlen(HANDLER_ID)) < 0) ||
      (binds ? zmq_bind(socket, endpoint) : zmq_connect(socket, endpoint)) < 0)
    die("%s: %s", endpoint, zmq_strerror(errno));
  return socket;
}

// Receives one frame if there is one.
static bool receive(zmq_msg_t *message, void *socket) {
  if (zmq_msg_recv(message, socket, ZMQ_DONTWAIT) >= 0) return true;
  if (errno != EAGAIN && errno != EINTR) die("cannot receive: %s", zmq_strerror(errno));
  return false;
}

static struct text content(zmq_msg_t *message) {
  return (struct text){zmq_msg_data(message), zmq_msg_size(message)};
}

static void serve_stream(void *context, const char *base) {
  static struct packet packet;
  zmq_msg_t message;
  zmq_msg_init(&message);
  void *later = open_socket(context, ZMQ_DEALER, base, "-out-stream");
  // XPUB, since it tells when the server has subscribed: what is published before is lost.
  replies = open_socket(context, ZMQ_XPUB, base, "-in");
  if (zmq_msg_recv(&message, replies, 0) < 0) die("cannot receive: %s", zmq_strerror(errno));
  void *first = open_socket(context, ZMQ_PULL, base, "-out");
  puts("ready");
  fflush(stdout);

  zmq_pollitem_t waiting[] = {{first, 0, ZMQ_POLLIN, 0}, {later, 0, ZMQ_POLLIN, 0}, {replies, 0, ZMQ_POLLIN, 0}};
  time_t kept_alive = time(NULL);
  for (;;) {
    bool idle = true;
    // By turns in small batches: what comes later for a session must not wait for all that is new.
    for (int i = 0; i < 64 && receive(&message, first); i++, idle = false) {
      read_packet(content(&message), &packet);
      on_request(&packet);
    }
    for (int i = 0; i < 64 && receive(&message, later); i++, idle = false) {
      // The empty frame before the packet.
      if (zmq_msg_size(&message) != 0 || !zmq_msg_more(&message)) die("no delimiter before a packet");
      if (!receive(&message, later)) die("a message is cut off");
      read_packet(content(&message), &packet);
      for (int id = 0; id < packet.ids; id++) {
        struct session *session = *slot_of(packet.id[id]);
        // A session that already has its response may still get a keep-alive or a cancel.
        if (session != NULL) on_packet(session, &packet, packet.seq[id]);
      }
    }
    if (!idle) continue;
    while (receive(&message, replies)) continue;
    if (time(NULL) - kept_alive >= KEEP_ALIVE_SECONDS) {
      kept_alive = time(NULL);
      keep_all_alive();
    }
    zmq_poll(waiting, 3, 1000);
  }
}

static void serve_req(void *context, const char *spec) {
  static struct packet packet;
  zmq_msg_t message;
  zmq_msg_init(&message);
  void *socket = open_socket(context, ZMQ_REP, spec, "");
  puts("ready");
  fflush(stdout);
  for (;;) {
    if (zmq_msg_recv(&message, socket, 0) < 0) die("cannot receive: %s", zmq_strerror(errno));
    read_packet(content(&message), &packet);
    if (packet.ids != 1) die("a request has no id");
    begin_packet();
    PUT("2:id,");
    put_text(packet.id[0]);
    put_answer((struct text){ANSWER, sizeof ANSWER - 1});
    send_to(socket, (struct text){"", 0});
  }
}

int main(int count, char **arguments) {
  void *context = zmq_ctx_new();
  binds = count == 4 && strcmp(arguments[3], "bind") == 0;
  if (binds) count--;
  if (count == 3 && strcmp(arguments[1], "stream") == 0) serve_stream(context, arguments[2]);
  if (count == 3 && strcmp(arguments[1], "req") == 0) serve_req(context, arguments[2]);
  die("usage: handler stream BASE [bind] | handler req SPEC [bind]");
}
