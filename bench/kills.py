"""A map that is killed at random moments, again and again: is the finished file the same, byte for byte, as that of a run that nobody disturbed?

Each round predicts a raster in a process of its own that is killed (SIGKILL, every third time Ctrl-C) after a random time, and started again
until it comes to its end. Settings change from round to round: kinds of output, stripes, COG, test-time augmentation, sizes of patches, shards in any order, each
killed as well, and so is the call that puts them together.

    python bench/kills.py [--minutes 10 --seed 0]
"""
import argparse, os, random, signal, tempfile, time, warnings; warnings.filterwarnings('ignore')
from pathlib import Path
ap = argparse.ArgumentParser(); ap.add_argument('--minutes', type=float, default=10); ap.add_argument('--seed', type=int, default=0); A = ap.parse_args()
import numpy as np, rasterio, torch
from aerialfast.prediction import predict_tile
torch.set_num_threads(1)

class Grey:
    def fingerprint(self): return 'grey'
    def __call__(self, x): time.sleep(.001); p = x[:, :1].float()/255; return torch.cat([1-p, p], 1)

SETTINGS = [dict(sz=128), dict(sz=128, outputs=['classes','probs'], dtype='uint8'), dict(sz=192, overlap=.5, outputs=['probs','entropy'], dtype='uint16'),
    dict(sz=128, memory=6), dict(sz=256, margin=40, cog=True), dict(sz=128, outputs=['probs','disagreement'], tta=[0,3]),
    dict(sz=128, shards=3), dict(sz=192, shards=2, memory=8, outputs=['classes','entropy'])]

def files(dst): return {p.name.replace(dst.stem, ''): p.read_bytes() for p in sorted(dst.parent.glob(f'{dst.stem}*.tif'))}

def started(src, dst, kw):
    "A process that predicts; this one never does, since threads of GDAL do not survive a fork."
    child = os.fork()
    if not child:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
        try: predict_tile(Grey(), src, dst, **kw)
        except BaseException: os._exit(1)
        os._exit(0)
    return child

def killed(src, dst, kw, rng, longest):
    "Predict, killed again and again until it comes to its end; the number of kills, and of those after which something was kept."
    kills = kept = 0
    while True:
        child,stop,ended = started(src, dst, kw),time.time()+rng.uniform(0, longest),(0,0)
        while time.time()<stop and ended==(0,0): time.sleep(.001); ended = os.waitpid(child, os.WNOHANG)
        if ended[1]: raise SystemExit(f'{kw} failed by itself')
        if ended[0]: return kills,kept
        os.kill(child, signal.SIGINT if kills%3==2 else signal.SIGKILL); os.waitpid(child, 0)
        kills += 1; kept += any(dst.with_name(f'.{dst.name}.run').glob('*.portion'))

def parts(kw, rng):
    "Settings of the shards in random order, and of the call that puts them together."
    kw = dict(kw); n = kw.pop('shards', 0)
    return [*[dict(kw, shard=(k,n)) for k in rng.sample(range(n), n)], kw]

rng,total = random.Random(A.seed),[0,0,0]
with tempfile.TemporaryDirectory() as d:
    d = Path(d)
    with rasterio.open(d/'src.tif', 'w', driver='GTiff', height=3000, width=1900, count=2, dtype='uint8', tiled=True, compress='deflate') as f:
        f.write(np.random.default_rng(0).integers(0, 255, (2,3000,1900), dtype=np.uint8))
    whole,took = [],[]
    for i,kw in enumerate(SETTINGS):
        t = time.time(); os.waitpid(started(d/'src.tif', d/f'whole{i}.tif', parts(kw, rng)[-1]), 0); took.append(time.time()-t)
        whole.append(files(d/f'whole{i}.tif'))
    end = time.time()+60*A.minutes
    while time.time()<end:
        i = total[0]%len(SETTINGS)
        kills,kept = map(sum, zip(*[killed(d/'src.tif', d/'map.tif', kw, rng, took[i]) for kw in parts(SETTINGS[i], rng)]))
        same,left = files(d/'map.tif')==whole[i],[p.name for p in d.iterdir() if p.name.startswith('.')]
        if not same or left: raise SystemExit(f'round {total[0]}, {SETTINGS[i]}: same bytes {same}, left behind {left}')
        for p in d.glob('map*'): p.unlink()
        total = [total[0]+1, total[1]+kills, total[2]+kept]
print(f'{total[0]} maps, {total[1]} kills ({total[2]} of them with portions kept): all files the same, byte for byte')
