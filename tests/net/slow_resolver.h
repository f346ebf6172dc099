#pragma once

namespace vedette::test {

// How often this program was asked for "counted.test", which is another name of 127.0.0.1.
int lookups_of_counted_name();

// Stands before the system's getaddrinfo() in this program: the name "slow.test" is not answered as long as one of
// these lives, as with a name server that is away.
class SlowResolver {
 public:
  SlowResolver();
  ~SlowResolver();
  // Whether somebody has begun to ask for the name, now or within some seconds.
  bool is_asked() const;
};

}  // namespace vedette::test
