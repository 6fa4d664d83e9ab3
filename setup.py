"Hand the facts in `settings.ini` to setuptools; the others stand in `pyproject.toml`."
from configparser import ConfigParser
from setuptools import setup

cfg = ConfigParser(delimiters=['='], interpolation=None)
with open('settings.ini', encoding='utf8') as f: cfg.read_file(f)

def lines(s): return [o.strip() for o in s.splitlines() if o.strip()]

pkg = cfg['package']
extras = {k: lines(v) for k,v in cfg['extras'].items()}
extras['dev'] = [o for reqs in extras.values() for o in reqs]

setup(
    author=pkg['author'],
    license=pkg['license'],
    keywords=pkg['keywords'].split(),
    classifiers=lines(pkg['classifiers']),
    python_requires=f">={pkg['min_python']}",
    install_requires=lines(pkg['requirements']),
    extras_require=extras,
    entry_points=dict(
        console_scripts=[f'{k}={v}' for k,v in cfg['scripts'].items()],
        nbdev=['aerialfast=aerialfast._modidx:d']),
)
