# A shared cache in front of three nodes, and behind nginx or HAProxy, which speak TLS.
vcl 4.1;

import directors;

probe root {
    # It needs no table: it says that the node is there, whatever the database does. It asks for the
    # host of BLOG_BASE_URL, since any other is 421.
    .url = "/";
    .interval = 2s;
    .timeout = 2s;
    .window = 3;
    .threshold = 2;
    .initial = 2;
}

backend node1 { .host = "192.0.2.11"; .port = "5000"; .host_header = "blog.example.org"; .probe = root; .connect_timeout = 2s; .first_byte_timeout = 40s; }
backend node2 { .host = "192.0.2.12"; .port = "5000"; .host_header = "blog.example.org"; .probe = root; .connect_timeout = 2s; .first_byte_timeout = 40s; }
backend node3 { .host = "192.0.2.13"; .port = "5000"; .host_header = "blog.example.org"; .probe = root; .connect_timeout = 2s; .first_byte_timeout = 40s; }

sub vcl_init {
    new nodes = directors.round_robin();
    nodes.add_backend(node1);
    nodes.add_backend(node2);
    nodes.add_backend(node3);
}

sub vcl_recv {
    set req.backend_hint = nodes.backend();
    # Who has credentials is answered by a node, always.
    if (req.http.Authorization || (req.method != "GET" && req.method != "HEAD")) {
        return (pass);
    }
    # The blog knows no cookies; somebody else's must not keep an answer out of the cache.
    unset req.http.Cookie;
    # Each asks a node for itself. With a ttl above 0s take this out: one asks, and others wait for it.
    set req.hash_ignore_busy = true;
    return (hash);
}

sub vcl_backend_response {
    # Varnish would not keep what says no-cache. It means: keep it, and ask before each use.
    if (bereq.uncacheable || beresp.http.Cache-Control !~ "public, no-cache") {
        return (deliver);
    }
    unset beresp.http.Set-Cookie;
    # 0s asks a node each time: nobody sees an old answer. 1s asks once a second for each URL, and
    # an answer may be that old, also for the one who has just written. It is your choice.
    set beresp.ttl = 0s;
    set beresp.grace = 0s;
    # This long after its ttl an answer can still be confirmed with 304 rather than sent anew.
    set beresp.keep = 1h;
    return (deliver);
}
