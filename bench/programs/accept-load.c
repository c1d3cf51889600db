// The clients of the `accept` bench: opens connections, makes one GET on each, and holds them all until the last is
// answered. In C, since a client in Node takes longer for a connection than the servers do.
//
//   accept-load PORT CLIENTS IN_FLIGHT BODY
//
// Prints the seconds from the first connection to the last response.
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { MAX_ANSWER = 1024, MAX_EVENTS = 256, STALLED_MS = 10000 };

struct client {
  int socket;
  size_t length;
  char answer[MAX_ANSWER + 1];  // and the end of a text
};

static int epoll;
static struct sockaddr_in address;
static char request[128];

static void fail(const char *what, const char *why) {
  fprintf(stderr, "accept-load: %s: %s\n", what, why);
  exit(1);
}

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

// On loopback a connection is there at once as long as the server's backlog has room.
static void open_client(void) {
  struct client *client = malloc(sizeof *client);
  if (client == NULL) fail("malloc", "no memory");
  client->length = 0;
  client->socket = socket(AF_INET, SOCK_STREAM, 0);
  if (client->socket < 0) fail("socket", strerror(errno));
  if (connect(client->socket, (struct sockaddr *)&address, sizeof address) < 0) fail("connect", strerror(errno));
  if (send(client->socket, request, strlen(request), MSG_NOSIGNAL) < 0) fail("send", strerror(errno));
  struct epoll_event event = {.events = EPOLLIN, .data.ptr = client};
  if (epoll_ctl(epoll, EPOLL_CTL_ADD, client->socket, &event) < 0) fail("epoll_ctl", strerror(errno));
}

// Whether the response is complete now.
static bool read_answer(struct client *client, const char *body) {
  ssize_t got = recv(client->socket, client->answer + client->length, MAX_ANSWER - client->length, MSG_DONTWAIT);
  if (got < 0 && errno == EAGAIN) return false;
  if (got < 0) fail("recv", strerror(errno));
  if (got == 0) fail("a connection", "closed before its response was complete");
  client->length += (size_t)got;
  client->answer[client->length] = 0;
  size_t expected = strlen(body);
  if (client->length < expected || memcmp(client->answer + client->length - expected, body, expected) != 0) return false;
  if (memcmp(client->answer, "HTTP/1.1 200 ", 13) != 0) fail("a response", client->answer);
  return true;
}

int main(int count, char **arguments) {
  if (count != 5) fail("usage", "accept-load PORT CLIENTS IN_FLIGHT BODY");
  int clients = atoi(arguments[2]), in_flight = atoi(arguments[3]);
  const char *body = arguments[4];
  address = (struct sockaddr_in){.sin_family = AF_INET,
                                 .sin_port = htons((uint16_t)atoi(arguments[1])),
                                 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  snprintf(request, sizeof request, "GET / HTTP/1.1\r\nHost: 127.0.0.1:%s\r\n\r\n", arguments[1]);
  epoll = epoll_create1(0);
  if (epoll < 0) fail("epoll_create1", strerror(errno));

  double start = now();
  int opened = 0, answered = 0;
  while (answered < clients) {
    for (; opened < clients && opened - answered < in_flight; opened++) open_client();
    struct epoll_event events[MAX_EVENTS];
    int ready = epoll_wait(epoll, events, MAX_EVENTS, STALLED_MS);
    if (ready < 0) fail("epoll_wait", strerror(errno));
    if (ready == 0) fail("the rest of the clients", "no response for 10 s");
    for (int i = 0; i < ready; i++) {
      struct client *client = events[i].data.ptr;
      if (!read_answer(client, body)) continue;
      answered++;
      // It stays connected, and nothing more is expected of it.
      if (epoll_ctl(epoll, EPOLL_CTL_DEL, client->socket, NULL) < 0) fail("epoll_ctl", strerror(errno));
      free(client);
    }
  }
  printf("%.6f\n", now() - start);
  return 0;
}
