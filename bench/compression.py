"""Maps of classes by deflate and by Zstandard: size, and CPU seconds to write and to read 100 megapixels.

The maps are made up: the classes of the town, and the largest of six smooth fields of noise, whose edges look like those of a network's map.
Rasters of your own are added by name. Each number is the best of --reps.

    python bench/compression.py [MAP.tif ...] [--side 4096 --reps 3]
"""
import argparse, os, tempfile, time, warnings; warnings.filterwarnings('ignore')
from pathlib import Path
ap = argparse.ArgumentParser()
ap.add_argument('maps', nargs='*', type=Path); ap.add_argument('--side', type=int, default=4096); ap.add_argument('--reps', type=int, default=3)
args = ap.parse_args()
import numpy as np, rasterio
from scipy import ndimage
from aerialfast.town import make_town

WAYS = {'deflate, level 6': dict(compress='deflate'), 'Zstandard, level 1': dict(compress='zstd', zstd_level=1), 'level 6': dict(compress='zstd', zstd_level=6),
    'level 9': dict(compress='zstd', zstd_level=9)}

def first_band(path):
    with rasterio.open(path) as src: return src.read(1)

def noise(sigma, rng):
    return np.stack([ndimage.gaussian_filter(rng.normal(size=(args.side,args.side)).astype('float32'), sigma) for _ in range(6)]).argmax(0).astype('uint8')

def made_up(tmp):
    rng,town = np.random.default_rng(0),make_town(tmp/'town', tiles=1, sz=1024)
    one = first_band(sorted((town/'classes').iterdir())[0])
    return {'town': np.tile(one, (args.side//1024,)*2), 'smooth noise': noise(12, rng), 'rough noise': noise(3, rng)}

def cpu(f):
    def once(): t = time.process_time(); f(); return time.process_time()-t
    return min(once() for _ in range(args.reps))

def measured(a, path, kw):
    profile = dict(driver='GTiff', height=a.shape[0], width=a.shape[1], count=1, dtype=a.dtype, tiled=True, blockxsize=512, blockysize=512)
    def write():
        with rasterio.open(path, 'w', **profile, **kw) as dst: dst.write(a, 1)
    written = cpu(write)
    return os.path.getsize(path),written/a.size*1e8,cpu(lambda: first_band(path))/a.size*1e8

with tempfile.TemporaryDirectory() as tmp:
    maps = {**made_up(Path(tmp)), **{p.stem: first_band(p) for p in args.maps}}
    print(f'load {os.getloadavg()[0]:.1f}\n\n| map | compression | size, relative | writing, CPU s | reading, CPU s |\n|---|---|---|---|---|')
    for name,a in maps.items():
        rows = {way: measured(a, Path(tmp)/'map.tif', kw) for way,kw in WAYS.items()}
        full = rows['deflate, level 6'][0]
        for way,(size,written,read) in rows.items(): print(f'| {name} | {way} | {size/full:.2f} | {written:.2f} | {read:.2f} |')
