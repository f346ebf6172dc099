"""Swift's tempauth with access keys as AWS has them.

tempauth names users "account:user", so its S3 access keys hold a colon, which
`curl --user KEY:SECRET` cannot say. This filter is tempauth plus lines

    s3_<ACCESSKEY> = <secret> <account> [group ...]

in its section. Signatures are checked by Swift itself (s3api).
"""
from swift.common.middleware.tempauth import TempAuth

PREFIX = 's3_'


class Accounts(TempAuth):
    def __init__(self, app, conf):
        super().__init__(app, conf)
        for name, value in conf.items():
            if name.startswith(PREFIX):
                self.add(name[len(PREFIX):], *value.split())

    def add(self, access_key, secret, account, *groups):
        self.users[access_key] = {
            'key': secret,
            'url': '$HOST/v1/%s%s' % (self.reseller_prefix, account),
            'groups': list(groups) or ['.admin'],
        }


def filter_factory(global_conf, **local_conf):
    conf = dict(global_conf, **local_conf)
    return lambda app: Accounts(app, conf)
