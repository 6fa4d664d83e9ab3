"Check the installed package: python -I .ci/imports.py FOLDER_OF_ITS_MODULES [ROOMS_WITHOUT_TORCH ...]"
from importlib import import_module
from importlib.metadata import distribution
from pathlib import Path
import builtins, subprocess, sys, time

# What maps a raster with a saved model
MAPPING = 'predictor','prediction','folders'

want = {p.stem for p in Path(sys.argv[1]).glob('*.py')}
rooms = sys.argv[2:]

t = time.perf_counter()
import aerialfast
t = time.perf_counter()-t
here = Path(aerialfast.__file__).resolve()
assert Path(sys.prefix).resolve() in here.parents, f'{here} is not the installed copy'
have = {p.stem for p in here.parent.glob('*.py')}
assert have==want, f'not in the wheel: {sorted(want-have)}, only in the wheel: {sorted(have-want)}'
assert t<.5, f'import aerialfast takes {t:.2f} s'
for o in rooms: import_module(f'aerialfast.{o}')
assert 'torch' not in sys.modules, f'aerialfast or one of {rooms} loads torch'
print(f'import aerialfast takes {t*1000:.0f} ms, without torch: {", ".join(rooms)}')
# In a process of its own: `scenes`, loaded above, needs scipy
code = f'import sys; from aerialfast import {",".join(MAPPING)}; print(*sys.modules)'
loaded = subprocess.run([sys.executable, '-I', '-c', code], check=True, capture_output=True, text=True).stdout.split()
assert 'torch' in loaded, 'mapping loads no torch: the check looks at the wrong process'
heavy = {'fastai','matplotlib.pyplot','pandas','scipy','sklearn'}&{*loaded}
assert not heavy, f'one of {MAPPING} loads {sorted(heavy)}'

for o in sorted(want-{'__init__'}): assert import_module(f'aerialfast.{o}').__file__==str(here.parent/f'{o}.py')
for o in distribution('aerialfast').entry_points: o.load()
ns = {}
exec('from aerialfast import *', ns)
hidden = [o for o in ns if hasattr(builtins, o) and not o.startswith('__')]
assert not hidden, f'the star hides the builtins {hidden}'
assert 'DataBlock' in ns and 'make_town' in ns, 'the star is empty'
print(f'{len(want)} modules import from the wheel, the star gives {len(ns)} names')
