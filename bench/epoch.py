"""Where the time of an epoch goes: the README's example, measured row by row.

The example trains for two epochs, and the second is measured, validation included. The rows are the time of the main thread, so they add up
to the epoch. Patches are read by other threads meanwhile; that row stands below, in CPU seconds. The encoder starts from random parameters,
which takes the same time as from pretrained ones. `callbacks and the rest` is what no other row holds: fastai's loop, and all callbacks.

    python bench/epoch.py [--encoder resnet34 --n 256]
"""
import argparse, os, tempfile, threading, time, warnings; warnings.filterwarnings('ignore')
from collections import Counter
ap = argparse.ArgumentParser()
ap.add_argument('--encoder', default='resnet34'); ap.add_argument('--n', type=int, default=256); ap.add_argument('--reuse', type=int, default=1)
ARGS = ap.parse_args()
from aerialfast.all import *
from fastai.vision.all import Callback, Learner, Recorder

spent,read,inner = Counter(),Counter(),[0.]

def timed(name):
    "A function that adds the time of a call to the row `name`, without what other rows take within it."
    def decorate(f):
        def g(*args, **kwargs):
            if threading.current_thread() is not threading.main_thread(): return f(*args, **kwargs)
            start = time.perf_counter(); inner.append(0.)
            try: return f(*args, **kwargs)
            finally:
                took = time.perf_counter()-start
                side = '' if learn.training or name in ('metrics', 'waiting for patches') else 'validation: '
                spent[side+name] += took-inner.pop(); inner[-1] += took
        return g
    return decorate

def put(o, method, name): setattr(o, method, timed(name)(getattr(o, method)))

def counted(f):
    def g(*args, **kwargs):
        start = time.thread_time()
        try: return f(*args, **kwargs)
        finally: read['s'] += time.thread_time()-start
    return g

def waits(batches):
    step = timed('waiting for patches')(lambda: next(batches, None))
    while (b := step()) is not None: yield b

def clocks(): return np.array([time.perf_counter(), time.process_time()])

class Begin(Callback):
    order = -1000
    def before_epoch(self): spent.clear(); read.clear(); inner[:] = [0.]; self.learn.begun = clocks()
class End(Callback):
    order = 1000
    def after_epoch(self): self.learn.took = clocks()-self.learn.begun

with tempfile.TemporaryDirectory() as tmp:
    dls = TileDataLoaders.from_folder(make_town(tmp+'/town'), codes=['ground','building'], sz=256, bs=8, n=ARGS.n, reuse=ARGS.reuse, device='cpu')
    learn = aerial_learner(dls, ARGS.encoder, pretrained=False, path=tmp, cbs=[Begin(), End()])
    iterate = TileDL.__iter__
    TileDL.__iter__ = lambda self: waits(iterate(self))
    TileDL.create_item = counted(TileDL.create_item)
    put(Pipeline, '__call__', 'augmentation and scaling')
    put(learn.model, 'forward', 'forward'); put(type(learn.loss_func), '__call__', 'loss'); put(Learner, '_backward', 'backward')
    for m in ('after_batch','after_validate','after_train'):
        if hasattr(Recorder, m): put(Recorder, m, 'metrics')
    learn.create_opt(); put(learn.opt, 'step', 'optimizer'); put(learn.opt, 'zero_grad', 'optimizer')
    with learn.no_bar(), learn.no_logging(): learn.fit_one_cycle(2, 1e-3)
    total,cpu = learn.took
    spent['callbacks and the rest'] = total-sum(spent.values())
    print(f'{ARGS.encoder}: {len(dls.train)} batches of {dls.train.bs} to train, {len(dls.valid)} to validate, {total:.1f} s, {cpu:.1f} CPU s '
          f'({os.cpu_count()} cores, bf16 {has_bf16("cpu")}, load {os.getloadavg()[0]:.1f})\n\n| | share of the epoch, % |\n|---|---|')
    for name,s in spent.most_common(): print(f'| {name} | {100*s/total:.1f} |')
    print(f'\nreading by other threads: {read["s"]:.2f} CPU s, {100*read["s"]/cpu:.1f} % of the CPU time')
