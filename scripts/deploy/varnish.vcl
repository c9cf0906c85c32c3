# A shared cache in front of three nodes, and behind nginx or HAProxy, which speak TLS.
vcl 4.1;

import directors;

probe root {
    # The root needs no database: it shows whether the node responds, whatever the database does. The
    # host is that of BLOG_BASE_URL, since any other is 421.
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
    # Requests with credentials always go to a node.
    if (req.http.Authorization || (req.method != "GET" && req.method != "HEAD")) {
        return (pass);
    }
    # The blog uses no cookies; those of other sites must not prevent caching.
    unset req.http.Cookie;
    # Each request goes to a node. With a ttl above 0s remove this: equal requests then wait for one.
    set req.hash_ignore_busy = true;
    return (hash);
}

sub vcl_backend_response {
    # By default, Varnish does not store responses with no-cache. It means: validate before each use.
    if (bereq.uncacheable || beresp.http.Cache-Control !~ "public, no-cache") {
        return (deliver);
    }
    unset beresp.http.Set-Cookie;
    # With 0s, a node is asked each time, and no response is outdated. With 1s, a node is asked once per
    # second for each URL, and a response may be that old, even for the client that has just written.
    set beresp.ttl = 0s;
    set beresp.grace = 0s;
    # For this time after its ttl, a response can be validated with 304 instead of being sent again.
    set beresp.keep = 1h;
    return (deliver);
}
